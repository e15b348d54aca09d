package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
)

// renewAfter is how much older than the package index of today the one of the pins may be while there are other packages: the suite
// changes daily, and each renewal restarts the nodes of every network.
const renewAfter = 30 * 24 * time.Hour

var (
	errGone = errors.New("a clean machine cannot build the image any more; set DEBIAN_SNAPSHOT to the address of the files in Debian's snapshot archive, or renew the pins with `" + updateCommand + "`")
	errOld  = errors.New("the pins are old; renew them with `" + updateCommand + "`, and review the difference")
)

// currentIndex is the time of the package index of today, and the packages of a platform in it: the program, and what it needs.
type currentIndex func(ctx context.Context, platform string) (time.Time, []pin, error)

// check reports pinned packages that no place has any more, and those of which the suite has another version. Errors: errGone, errOld.
func (p *pins) check(ctx context.Context, get *fetcher, current currentIndex) error {
	gone, others, now := 0, 0, p.Index
	for _, platform := range p.platforms() {
		when, list, err := current(ctx, platform)
		if err != nil {
			return fmt.Errorf("%s: %w", platform, err)
		}
		if when.After(now) {
			now = when
		}
		for _, pinned := range p.Platforms[platform] {
			exists, err := get.has(ctx, pinned)
			if err != nil {
				return err
			}
			if !exists {
				gone++
				fmt.Fprintf(get.log, "%s: %s %s is in no place any more\n", platform, pinned.Package, pinned.Version)
			}
			if text := pinned.against(list); text != "" {
				others++
				fmt.Fprintf(get.log, "%s: %s %s: %s\n", platform, pinned.Package, pinned.Version, text)
			}
		}
	}
	age := now.Sub(p.Index)
	fmt.Fprintf(get.log, "%d pinned packages are gone, %d have other versions or are not needed in the index of %s, which is %d days younger than the pins\n",
		gone, others, now.UTC().Format(time.DateOnly), int(age.Hours()/24))
	var errs []error
	if gone > 0 {
		errs = append(errs, errGone)
	}
	if others > 0 && age > renewAfter {
		errs = append(errs, errOld)
	}
	return errors.Join(errs...)
}

// against is what an index has in place of a pin, "" if it has the pin.
func (p pin) against(list []pin) string {
	i := slices.IndexFunc(list, func(other pin) bool { return other.Package == p.Package })
	switch {
	case i < 0:
		return "no longer needed"
	case list[i].Version != p.Version:
		return "now " + list[i].Version
	}
	return ""
}

// has reports whether a place has a package, by its size; what this machine keeps does not count.
func (f *fetcher) has(ctx context.Context, p pin) (bool, error) {
	places := f.places(p)
	if len(places) == 0 {
		return false, errNoMirror
	}
	var busy []error
	for _, url := range places {
		size, err := f.sizeWithRetries(ctx, url)
		switch {
		case errors.Is(err, errBusy):
			busy = append(busy, fmt.Errorf("%s: %w", url, err))
		case err != nil:
			return false, err
		case size == p.Size:
			return true, nil
		}
	}
	return false, errors.Join(busy...)
}

func (f *fetcher) sizeWithRetries(ctx context.Context, url string) (size int64, err error) {
	again := wait.ExponentialBackoffWithContext(ctx, f.backoff, func(ctx context.Context) (bool, error) {
		size, err = f.size(ctx, url)
		return !errors.Is(err, errBusy), nil
	})
	return size, cmp.Or(err, again)
}

// size is that of a file, -1 if it does not exist. Error: errBusy.
func (f *fetcher) size(ctx context.Context, url string) (int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", errBusy, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusOK:
		return resp.ContentLength, nil
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusGone:
		return -1, nil
	}
	return 0, fmt.Errorf("%w: %s", errBusy, strings.TrimSpace(resp.Status))
}
