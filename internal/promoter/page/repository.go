package page

import (
	"strings"

	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// Repository is the data of the landing page of a chart repository.
type Repository struct {
	// Name is the name of the repository for `helm repo add`.
	Name string
	// Address is the URL of the repository, "" if it is unknown.
	Address string
	// Status is the address of the status page, "" if there is none.
	Status string
}

const (
	maxCharts   = 100
	maxVersions = 30
	// maxRows bounds a page of many charts, each of which keeps at least minVersions.
	maxRows, minVersions = 200, 3
)

type repositoryView struct {
	frame
	Name, Description, Address, Status string
	// Repo is the name in commands, "" if it is not safe in a command.
	Repo   string
	File   string
	Charts []chartView
	// More counts the charts that are not shown.
	More int
}

type chartView struct {
	Name, Title, Description, Kube string
	// Install is the command, "" if there is none.
	Install                       string
	Library, Deprecated, Released bool
	Home                          string
	Sources                       []string
	Version                       string
	Rows                          []versionView
	More                          int
	Alone                         bool
	// Files are the other files of Version, and Krew how to install the first of them that is a manifest for krew.
	Files []fileView
	Krew  krewView
}

type fileView struct {
	index.File
	URL string
}

// krewView is the command that installs a plugin of kubectl, "" for none.
type krewView struct{ Plugin, Command string }

type versionView struct {
	index.Entry
	URL                       string
	Latest, Prerelease, Dated bool
}

// Render renders the landing page of an index, with the newest versions of each
// chart. Error: index.ErrCorrupt.
func (r Repository) Render(text []byte) ([]byte, error) {
	charts, total, err := index.Overview(text, maxCharts, maxVersions)
	if err != nil {
		return nil, err
	}
	v := repositoryView{
		frame: newFrame(line(80, r.Name) + ": Helm charts"), Name: r.Name, Repo: word(r.Name), File: LandingFile, Status: link(r.Status), More: total - len(charts),
	}
	if plainAddress.MatchString(r.Address) {
		v.Address = strings.TrimSuffix(r.Address, "/")
	}
	rows := maxVersions
	if len(charts) > 0 {
		rows = max(minVersions, min(maxVersions, maxRows/len(charts)))
	}
	for _, c := range charts {
		chart := r.chart(c, rows)
		chart.Krew = krew(v.Address, chart.Files)
		v.Charts = append(v.Charts, chart)
	}
	// A repository of one chart needs no section of its own for the chart.
	if total == 1 {
		v.Description = v.Charts[0].Description
		v.Charts[0].Alone = true
		if v.Charts[0].Name == r.Name {
			v.Charts[0].Title = "Versions"
		}
	}
	return render("repository.html", v)
}

func (r Repository) chart(s index.Summary, rows int) chartView {
	v := chartView{Name: s.Name, Title: s.Name}
	for _, e := range s.Newest[:min(rows, len(s.Newest))] {
		v.Rows = append(v.Rows, versionRow(e, s.Release))
	}
	shown := s.Release
	if shown == nil && len(s.Newest) > 0 {
		shown = &s.Newest[0]
	}
	if shown == nil {
		v.More = s.Versions
		return v
	}
	if s.Release != nil && !hasLatest(v.Rows) {
		v.Rows = append(v.Rows, versionRow(*s.Release, s.Release))
	}
	v.More = s.Versions - len(v.Rows)
	v.Released = s.Release != nil
	v.Version, v.Description, v.Kube = shown.Version, shown.Description, shown.KubeVersion
	v.Library, v.Deprecated, v.Home = shown.Type == "library", shown.Deprecated, away(shown.Home)
	for _, source := range shown.Sources {
		if l := away(source); l != "" && l != v.Home && len(v.Sources) < 3 {
			v.Sources = append(v.Sources, l)
		}
	}
	v.Files = filesOf(*shown)
	repo, name, version := word(r.Name), word(s.Name), word(shown.Version)
	if v.Library || repo == "" || name == "" || version == "" {
		return v
	}
	v.Install = "helm install " + name + " " + repo + "/" + name
	if s.Release == nil {
		v.Install += " --version " + version
	}
	return v
}

// filesOf are the other files of a version, which are beside its package, and so beside the page.
func filesOf(e index.Entry) []fileView {
	if word(e.Name) == "" || word(e.Version) == "" {
		return nil
	}
	var files []fileView
	for _, f := range e.Files() {
		files = append(files, fileView{f, index.FilesDir(e.Name, e.Version) + "/" + f.Name})
	}
	return files
}

func krew(address string, files []fileView) krewView {
	if address == "" {
		address = "ADDRESS"
	}
	for _, f := range files {
		if f.Krew != "" {
			return krewView{f.Krew, "kubectl krew install --manifest-url=" + address + "/" + f.URL}
		}
	}
	return krewView{}
}

func hasLatest(rows []versionView) bool {
	for _, r := range rows {
		if r.Latest {
			return true
		}
	}
	return false
}

func versionRow(e index.Entry, release *index.Entry) versionView {
	v := versionView{Entry: e, Dated: e.Created.Year() > 1 && e.Created.Year() < 10000}
	if len(e.URLs) > 0 {
		v.URL = link(e.URLs[0])
	}
	v.Latest = release != nil && e.Version == release.Version
	v.Prerelease = prerelease(e.Version)
	return v
}

// prerelease reports whether Helm installs a version only on request.
func prerelease(version string) bool {
	version, _, _ = strings.Cut(version, "+")
	return strings.Contains(version, "-")
}

// away is an address on another server, or "".
func away(address string) string {
	if l := link(address); strings.HasPrefix(l, "https://") || strings.HasPrefix(l, "http://") {
		return l
	}
	return ""
}
