package scenario

import (
	"slices"
	"strings"
)

// near suggests the word that is most like one that does not exist.
func near(word string, words []string) string {
	best, distance := "", len(word)/2+1
	slices.Sort(words)
	if len(word) > maxShown {
		return ""
	}
	for _, candidate := range words {
		if d := edits(strings.ToLower(word), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// edits is the number of letters to insert, delete or replace (the distance of Levenshtein).
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
