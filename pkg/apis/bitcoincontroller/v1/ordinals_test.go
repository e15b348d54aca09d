package v1

import (
	"slices"
	"testing"
)

func TestOrdinalsAreWrittenShortlyAndReadBack(t *testing.T) {
	for _, c := range []struct {
		list []int32
		text Ordinals
	}{
		{nil, ""}, {[]int32{0}, "0"}, {[]int32{1, 0}, "0-1"}, {[]int32{7, 2, 0, 1, 3, 7}, "0-3,7"}, {[]int32{0, 2, 4, 498, 499}, "0,2,4,498-499"},
	} {
		if got := NewOrdinals(c.list); got != c.text {
			t.Errorf("%v is %q, want %q", c.list, got, c.text)
		}
		if got, want := c.text.List(), slices.Compact(slices.Sorted(slices.Values(c.list))); !slices.Equal(got, want) {
			t.Errorf("%q is %v, want %v", c.text, got, want)
		}
	}
}

// The status of the largest network has room in etcd, whatever its connections.
func TestOrdinalsOfTheLargestNetworkAreBounded(t *testing.T) {
	const maxLength = 2048 // as in the marker of the type
	longest := 0
	for on := 1; on <= 5; on++ {
		for off := 1; off <= 5; off++ {
			var list []int32
			for i := range int32(maxOrdinal + 1) {
				if int(i)%(on+off) < on {
					list = append(list, i)
				}
			}
			longest = max(longest, len(NewOrdinals(list)))
		}
	}
	if longest > maxLength || longest < 500 {
		t.Errorf("the longest set has %d characters", longest)
	}
}

func TestOrdinalsThatAreNoneAreLeftOut(t *testing.T) {
	for text, want := range map[Ordinals][]int32{
		"x,1,-,2-,-3,5-4,0-500,70000,1-2,+3, 4,": {1, 2}, "0-499,0-499,0-499": firstOrdinals(500),
	} {
		if got := text.List(); !slices.Equal(got, want) {
			t.Errorf("%q is %v, want %v", text, got, want)
		}
	}
}

func firstOrdinals(n int32) (list []int32) {
	for i := range n {
		list = append(list, i)
	}
	return list
}
