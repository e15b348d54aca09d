package chain

import "testing"

// Ages are cut to seconds: the old process may seem a second younger than it is, and never is taken for the next one.
func TestAnotherProcessIsKnownByItsAge(t *testing.T) {
	for age := int64(oldEnough); age < 100; age++ {
		for since := range int64(100) {
			for _, old := range []int64{age + since - 1, age + since, age + since + 3} {
				if isNext(age, old, since) {
					t.Errorf("%d s after the age %d s, the old process with the age %d s is the next one", since, age, old)
				}
			}
			if next := since - 1; since > 0 && !isNext(age, next, since) {
				t.Errorf("%d s after the age %d s, the next process with the age %d s is the old one", since, age, next)
			}
		}
	}
}
