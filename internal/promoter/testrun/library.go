package testrun

// Lint is Report.By of a library chart without a test command.
const Lint = "lint and packaging, a library chart is not installed"

// Linted is the report of a library chart that was linted and packaged, which is all that can be tested of it without a command.
func Linted() *Report {
	r := &Report{By: Lint, named: true, cases: []*testCase{{pkg: Lint, name: "linted and packaged", result: pass}}}
	r.count()
	return r
}
