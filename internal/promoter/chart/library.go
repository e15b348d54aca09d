package chart

// IsLibrary reports whether a chart can only be a dependency of other charts: Helm does not install it.
func (p *Package) IsLibrary() bool { return p.Metadata.Type == "library" }
