package watch

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/christianb93/bitcoin-controller/internal/plugin/page/view"
)

// maxEvents are shown, the latest ones.
const maxEvents = 200

func (w *Watcher) updateEvents() {
	type dated struct {
		key string
		view.Event
	}
	var list []dated
	for _, object := range w.happened.GetStore().List() {
		if event, ok := object.(*corev1.Event); ok {
			list = append(list, dated{view.EventKey(string(event.UID)), view.OfEvent(event)})
		}
	}
	slices.SortFunc(list, func(a, b dated) int {
		if a.Time != b.Time {
			return int(min(max(b.Time-a.Time, -1), 1))
		}
		return strings.Compare(a.key, b.key)
	})
	values := map[string]any{}
	for _, event := range list[:min(len(list), maxEvents)] {
		values[event.key] = event.Event
	}
	w.Store.Replace(view.EventKey(""), values)
}
