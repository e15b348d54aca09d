// Command schema writes the reference of pipeline.yaml, below the directory that it is given: a JSON schema for editors and a page in
// Markdown. Both come from the types of internal/promoter/config and their comments. The JSON schema of the plugin's scenarios comes
// from internal/plugin/scenario in the same way. It runs in the root of the repository, where it finds the comments.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func write(args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("usage: schema DIRECTORY")
	}
	schema, err := build()
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		return err
	}
	page, err := markdown(schema)
	if err != nil {
		return err
	}
	scenario, err := buildScenario()
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"pipeline.schema.json": append(data, '\n'), "pipeline.md": page, "scenario.schema.json": scenario} {
		if err := os.WriteFile(filepath.Join(args[0], name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
