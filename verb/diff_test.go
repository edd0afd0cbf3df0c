package verb

import "testing"

// TestDiff compares files, standard input and the kernel.
func TestDiff(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	const rules = "-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1 -w 1\n"
	one, two := rulesFile(t, rules), rulesFile(t, "-A -f 1 -s rr\n-a -f 1 -r 10.0.0.1 -w 2\n")
	empty := rulesFile(t, "")
	const difference = "- -a -f 1 -r 10.0.0.1:0 -g -w 1\n+ -a -f 1 -r 10.0.0.1:0 -g -w 2\n"
	a.session([]step{
		{line: "-R", stdin: rules},
		{line: "diff " + one},
		{line: "diff " + one + " kernel"},
		{line: "diff - " + one, stdin: rules},
		{line: "diff - kernel", stdin: rules},
		{line: "diff kernel " + two, status: 1, output: difference},
		{line: "diff --format text kernel " + two, status: 1, output: difference},
		{line: "diff --ignore weights kernel " + two},
		{line: "diff --format json kernel " + two, status: 1, part: `"same": false,`},
		{line: "diff --format json kernel", part: `"same": true,`},
		{line: "diff kernel " + empty, status: 1, output: "- -A -f 1 -s rr\n- -a -f 1 -r 10.0.0.1:0 -g -w 1\n",
			errors: "hint: " + empty + " has no commands, so its table is empty\n"},
		{line: "diff", status: 2,
			errors: "diff needs a table: a file (saved rules, or -Ln --format json), \"-\" for standard input, netns:NAME, or \"kernel\"\n"},
		{line: "diff a b c", status: 2, errors: "diff compares two tables, not 3\n"},
		{line: "diff - -", status: 2, errors: "only one of the tables can come from standard input\n"},
		{line: "diff kernel " + one + "none", status: 2, errors: one + "none: no such file or directory\n"},
		{line: "diff " + one + "none kernel", status: 2, errors: one + "none: no such file or directory\n"},
		{line: "diff --format yaml kernel", status: 2, errors: "--format \"yaml\": use text or json\n"},
		{line: "diff --ignore names kernel", status: 2, errors: "--ignore \"names\": use weights\n"},
		{line: "diff --nothing kernel", status: 2,
			errors: "flag provided but not defined: -nothing\nTry `ipvsadm diff --help' for more information\n"},
		{line: "diff netns:none", status: 2, errors: "network namespace \"none\": no such file or directory\n"},
	})
}

// TestDiffOfListing compares a listing as JSON with the kernel that it lists.
func TestDiffOfListing(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	a.session([]step{
		{line: "-A -t 192.0.2.1:80 -s mh -b mh-port -p 60"},
		{line: "-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m"},
	})
	listing, _, _ := a.do("-Ln", "--format", "json")
	a.session([]step{
		{line: "diff -", stdin: " \t\r\n" + listing},
		{line: "diff -", stdin: "{", status: 2, errors: "stdin: not a listing as JSON: unexpected EOF\n"},
	})
}
