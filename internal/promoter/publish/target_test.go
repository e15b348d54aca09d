package publish

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/christianb93/bitcoin-controller/internal/promoter/index"
)

// The targets behave alike. The steps of the test follow each other on one target.
func TestEveryTarget(t *testing.T) {
	for name, config := range kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, ctx := config(t), t.Context()
			target := open(t, cfg)
			first, pre := item(t, "1.0.0"), item(t, "1.1.0-rc.1")
			first.Provenance = []byte("signed")
			emptyTarget(ctx, t, target)
			publishDry(ctx, t, target, first)
			if r := publish(t, target, first); !r.Changed || !strings.Contains(r.Location, "1.0.0") || (cfg.Git != "") != (r.Commit != "") {
				t.Errorf("the first time: %+v", r)
			}
			publish(t, target, pre)
			publishAgain(t, cfg, first)
			readPublished(ctx, t, target, first, pre)
			attestations(ctx, t, target)
			yank(ctx, t, target, name, first)
		})
	}
}

func emptyTarget(ctx context.Context, t *testing.T, target Target) {
	t.Helper()
	if _, found, err := target.Lookup(ctx, "operator", "1.0.0"); found || err != nil {
		t.Errorf("an empty target has 1.0.0: %v", err)
	}
	if _, _, err := target.Latest(ctx, "operator"); !errors.Is(err, ErrNone) {
		t.Errorf("the latest of nothing: %v", err)
	}
	if all, err := target.List(ctx, "operator"); len(all) != 0 || err != nil {
		t.Errorf("an empty target lists %v, %v", all, err)
	}
}

func publishDry(ctx context.Context, t *testing.T, target Target, dry Item) {
	t.Helper()
	dry.DryRun = true
	if r := publish(t, target, dry); !r.Changed || !strings.Contains(r.Location, "1.0.0") || r.Commit != "" {
		t.Errorf("a dry run: %+v", r)
	}
	if _, found, err := target.Lookup(ctx, "operator", "1.0.0"); found || err != nil {
		t.Errorf("a dry run publishes: %v", err)
	}
	if kept, err := target.Attestations(ctx, "operator", "1.0.0"); len(kept) > 0 || err != nil {
		t.Errorf("a dry run leaves attestations: %q %v", kept, err)
	}
}

// publishAgain publishes what the target has already, from another process as it were.
func publishAgain(t *testing.T, cfg Config, first Item) {
	t.Helper()
	again := first
	again.Created, again.Provenance = day.Add(time.Hour), []byte("signed later")
	if r := publish(t, open(t, cfg), again); r.Changed || !strings.Contains(r.Location, "1.0.0") {
		t.Errorf("the same again: %+v", r)
	}
	dry := first
	dry.DryRun = true
	if r := publish(t, open(t, cfg), dry); r.Changed {
		t.Errorf("a dry run of the same again: %+v", r)
	}
	dry.Attestations = append(slices.Clone(dry.Attestations), []byte(`{"another": 1}`))
	if r := publish(t, open(t, cfg), dry); !r.Changed {
		t.Errorf("a dry run with one more attestation: %+v", r)
	}
}

func readPublished(ctx context.Context, t *testing.T, target Target, first, pre Item) {
	t.Helper()
	digest, found, err := target.Lookup(ctx, "operator", "1.0.0")
	if !found || digest != first.Package.Digest || err != nil {
		t.Errorf("found %s %t %v", digest, found, err)
	}
	if got, err := target.Package(ctx, "operator", "1.1.0-rc.1"); !bytes.Equal(got, pre.Package.Bytes) || err != nil {
		t.Errorf("the package of 1.1.0-rc.1: %d bytes, %v", len(got), err)
	}
	if _, err := target.Package(ctx, "operator", "1.0"); !errors.Is(err, ErrNone) {
		t.Errorf("the package of 1.0: %v", err)
	}
	if _, found, _ := target.Lookup(ctx, "operator", "1.0"); found {
		t.Error("1.0 is found where 1.0.0 is")
	}
	version, archive, err := target.Latest(ctx, "operator")
	if version != "1.0.0" || !bytes.Equal(archive, first.Package.Bytes) || err != nil {
		t.Errorf("the latest is %s, %d bytes, %v", version, len(archive), err)
	}
	all, err := target.List(ctx)
	if err != nil || len(all) != 2 || all[0].Version != "1.1.0-rc.1" || all[1].Digest != digest || !all[1].Created.Equal(day) || all[1].AppVersion != "1.0.0" {
		t.Errorf("listed: %+v %v", all, err)
	}
	if some, err := target.List(ctx, "other"); err != nil || len(some) != 0 {
		t.Errorf("of another chart: %v %v", some, err)
	}
}

func attestations(ctx context.Context, t *testing.T, target Target) {
	t.Helper()
	approval := []byte(`{ "approved": true }`)
	for i := range 2 {
		r, err := target.AddAttestation(ctx, "operator", "1.0.0", approval)
		if err != nil || r.Changed != (i == 0) {
			t.Errorf("attestation, time %d: %+v %v", i, r, err)
		}
	}
	if _, err := target.AddAttestation(ctx, "operator", "9.9.9", approval); !errors.Is(err, ErrNone) {
		t.Errorf("an attestation for nothing: %v", err)
	}
	kept, err := target.Attestations(ctx, "operator", "1.0.0")
	var texts []string
	for _, r := range kept {
		texts = append(texts, string(r))
	}
	slices.Sort(texts)
	if diff := cmp.Diff([]string{`{"approved":true}`, `{"attestation":"1.0.0"}`}, texts); diff != "" || err != nil {
		t.Errorf("kept %v %s", err, diff)
	}
	if kept, err := target.Attestations(ctx, "operator", "9.9.9"); len(kept) != 0 || err != nil {
		t.Errorf("attestations of nothing: %q %v", kept, err)
	}
}

func yank(ctx context.Context, t *testing.T, target Target, kind string, first Item) {
	t.Helper()
	if r, err := target.Yank(ctx, "operator", "1.0.0"); err != nil || !r.Changed {
		t.Fatalf("yank: %+v %v", r, err)
	}
	if _, found, err := target.Lookup(ctx, "operator", "1.0.0"); found || err != nil {
		t.Errorf("a yanked version is found: %v", err)
	}
	if _, err := target.Yank(ctx, "operator", "1.0.0"); !errors.Is(err, ErrNone) {
		t.Errorf("yanked twice: %v", err)
	}
	other := first
	other.Package = pkg(t, "1.0.0", "b")
	var conflict *index.DigestConflictError
	for _, other.DryRun = range []bool{true, false} {
		if _, err := target.Publish(ctx, other); !strings.HasPrefix(kind, "oci") && !errors.As(err, &conflict) {
			t.Errorf("another content is published as a yanked version: %v, dry run %t", err, other.DryRun)
		}
	}
}
