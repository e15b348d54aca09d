package config

import "maps"

// OverValues merges values as Helm merges those of several files: maps by key, all else is replaced.
func OverValues(base, top map[string]any) map[string]any {
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range top {
		below, isMap := merged[key].(map[string]any)
		if above, both := value.(map[string]any); isMap && both {
			value = OverValues(below, above)
		}
		merged[key] = value
	}
	return merged
}
