package verb

import "testing"

// TestCheck checks an empty table, to which no rule applies, and two services without servers. What rules find is tested in
// package check.
func TestCheck(t *testing.T) {
	a := newTestApp(t, "ipvsadm")
	const unknown = "no rule is named \"nothing\"; ipvsadm check --rules lists the names\n"
	a.session([]step{
		{line: "check --rules", part: "vip-not-local "},
		{line: "check --explain no-server", part: "no-server"},
		{line: "check", part: "no problems found"},
		{line: "check --format json", part: `"findings": [],`},
		{line: "check --ignore no-server --fail-on warning", part: "no problems found"},
		{line: "check --explain nothing", status: 2, errors: unknown},
		{line: "check --ignore nothing", status: 2, errors: "--ignore: " + unknown},
		{line: "check --fail-on all", status: 2, errors: "--fail-on: \"all\" is not error, warning or never\n"},
		{line: "check --format yaml", status: 2, errors: "--format: \"yaml\" is not json\n"},
		{line: "check -f 9", status: 2, errors: "No such service\n"},
		{line: "check --nothing", status: 2, errors: "flag provided but not defined: -nothing\nTry `ipvsadm check --help' for more information\n"},
		{line: "check nothing", status: 2, errors: "unexpected argument nothing\n"},
		{line: "check --color no", status: 2, errors: "--color: \"no\" is not one of auto, always, never\n"},
		{line: "-A -f 1"},
		{line: "-A -f 2"},
		{line: "check --ignore mark-not-local", status: 1, part: "\n2 errors: "},
		{line: "check --ignore mark-not-local --fail-on never", part: "\n2 errors: "},
		{line: "check --ignore mark-not-local -f 1", status: 1, part: "\n1 error: "},
		{line: "check -f 1 --format json", status: 1, part: `"service": "mark 1",`},
		{line: "check --ignore no-server --ignore mark-not-local", part: "no problems found"},
	})
}
