package publish

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/christianb93/bitcoin-controller/internal/promoter/seal"
)

// Rendering reads every stage over the network. Others must be able to publish meanwhile, and a page that is outdated by then is
// rendered again, a few times at most: who changed the index last writes a page too.
func TestOthersPublishWhileAPageIsRendered(t *testing.T) {
	t.Parallel()
	for name, config := range kinds() {
		if strings.HasPrefix(name, "oci") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			publish(t, open(t, cfg), item(t, "1.0.0"))
			for _, busy := range []int{1, 100} { // renderings that are overtaken
				rendered := 0
				r, err := open(t, cfg).KeepPage(t.Context(), "status.html", func(context.Context) ([]byte, error) {
					rendered++
					if rendered <= busy {
						ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
						defer cancel()
						if _, err := open(t, cfg).Publish(ctx, item(t, fmt.Sprintf("1.%d.%d", busy, rendered))); err != nil {
							t.Errorf("rendering %d: %v", rendered, err)
						}
					}
					return seal.Seal(fmt.Appendf(nil, "rendering %d of %d", rendered, busy)), nil
				})
				got := tree(t, checkout(t, cfg))["status.html"]
				if busy == 1 && (err != nil || !r.Changed || rendered != 2 || got != string(seal.Seal([]byte("rendering 2 of 1")))) {
					t.Errorf("overtaken once: %+v %v, rendered %d times: %s", r, err, rendered, got)
				}
				if busy == 100 && (err != nil || r.Changed || rendered > 5 || got != string(seal.Seal([]byte("rendering 2 of 1")))) {
					t.Errorf("always overtaken: %+v %v, rendered %d times: %s", r, err, rendered, got)
				}
			}
		})
	}
}
