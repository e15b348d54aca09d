package index

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	helm "helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/repo"
	sigsyaml "sigs.k8s.io/yaml"
)

// large is an index as Helm writes it, with one chart of so many versions.
func large(b testing.TB, versions int) []byte {
	i := repo.NewIndexFile()
	for n := range versions {
		i.Entries["operator"] = append(i.Entries["operator"], &repo.ChartVersion{
			Metadata: &helm.Metadata{
				APIVersion: "v2", Name: "operator", Version: fmt.Sprintf("%d.%d.%d", n/2500, n/50%50, n%50), AppVersion: fmt.Sprintf("v%d", n),
				Description: "An operator of middling length whose description is long enough to be folded by Helm onto a second line",
				Home:        "https://example.com/operator", Sources: []string{"https://example.com/operator.git"},
				Keywords: []string{"one", "two"}, Maintainers: []*helm.Maintainer{{Name: "operators", Email: "operators@example.com"}}, Type: "application",
			},
			URLs: []string{fmt.Sprintf("https://charts.example.com/operator-%d.tgz", n)}, Created: day.Add(time.Duration(n) * time.Hour), Digest: digest(fmt.Sprint(n)),
		})
	}
	i.SortEntries()
	text, err := sigsyaml.Marshal(i)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// BenchmarkAdd adds one version to an index of 10,000 versions in memory, with
// this package and as `helm repo index --merge` does. Helm's merge
// parses a constraint for each pair of versions of one chart, which takes a minute
// or more for 10,000; it is measured with 1,000 too, and with the faster
// direction of Merge, which Helm's command does not use.
func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1000, 10000} {
		index := large(b, n)
		e := entry("operator", "99.0.0")
		b.Run(fmt.Sprintf("ours/%d", n), func(b *testing.B) {
			defer processorTime(b)()
			for b.Loop() {
				if _, changed, err := Add(index, e); err != nil || !changed {
					b.Fatal(changed, err)
				}
			}
		})
		b.Run(fmt.Sprintf("ours as JSON/%d", n), func(b *testing.B) {
			index := large(b, n)
			asJSON, err := sigsyaml.YAMLToJSON(index)
			if err != nil {
				b.Fatal(err)
			}
			defer processorTime(b)()
			for b.Loop() {
				if _, changed, err := Add(asJSON, e); err != nil || !changed {
					b.Fatal(changed, err)
				}
			}
		})
		file := filepath.Join(b.TempDir(), "index.yaml")
		if err := os.WriteFile(file, index, 0o644); err != nil {
			b.Fatal(err)
		}
		merge := func(b *testing.B, into func(old, fresh *repo.IndexFile) *repo.IndexFile) {
			defer processorTime(b)()
			for b.Loop() {
				old, err := repo.LoadIndexFile(file)
				if err != nil {
					b.Fatal(err)
				}
				fresh := repo.NewIndexFile()
				if err := fresh.MustAdd(&helm.Metadata{APIVersion: "v2", Name: e.Name, Version: e.Version, AppVersion: e.AppVersion, Description: e.Description}, e.URLs[0], "", e.Digest); err != nil {
					b.Fatal(err)
				}
				i := into(old, fresh)
				i.SortEntries()
				if err := i.WriteFile(file+".new", 0o644); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(fmt.Sprintf("helm repo index --merge/%d", n), func(b *testing.B) {
			if n > 1000 && os.Getenv("BENCHMARK_HELM_MERGE") == "" {
				b.Skip("takes a minute and more: set BENCHMARK_HELM_MERGE=1")
			}
			merge(b, func(old, fresh *repo.IndexFile) *repo.IndexFile { fresh.Merge(old); return fresh })
		})
		b.Run(fmt.Sprintf("helm's merge the other way round/%d", n), func(b *testing.B) {
			merge(b, func(old, fresh *repo.IndexFile) *repo.IndexFile { old.Merge(fresh); return old })
		})
	}
}

// processorTime reports the time that the processors spent, all threads and
// the garbage collector included. Elapsed time means little on a busy machine.
func processorTime(b *testing.B) func() {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := spent()
	return func() { b.ReportMetric(float64((spent()-begin).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}
