package cli

import (
	"runtime"

	"github.com/spf13/cobra"

	"github.com/christianb93/bitcoin-controller/internal/plugin/version"
)

// about is what the command version prints.
type about struct {
	Version  string `json:"version"`
	Platform string `json:"platform"`
	Go       string `json:"go"`
}

func versionCommand(s *session) *cobra.Command {
	var r result
	command := &cobra.Command{
		Use:               "version",
		Short:             "Print the version of the plugin",
		Args:              arguments(0, 0),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			if err := r.validate(); err != nil {
				return err
			}
			a := about{version.Number(), runtime.GOOS + "/" + runtime.GOARCH, runtime.Version()}
			return r.print(s, a, "kubectl-btcnet "+a.Version+" "+a.Platform+" "+a.Go)
		},
	}
	r.addFlag(command)
	return command
}
