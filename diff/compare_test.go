package diff

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/names"
	"ipvsadm/restore"
)

// described returns the table of rules, in which "-t V" is a service and "-r N" a server.
func described(t *testing.T, text string) *restore.Description {
	t.Helper()
	text = strings.NewReplacer("V", "192.0.2.1:80", "-r ", "-m -r 10.0.0.").Replace(text)
	rules, err := restore.Read(t.Context(), strings.NewReader(text), "rules", names.NewResolver())
	if err != nil {
		t.Fatal(err)
	}
	table, err := rules.Describe()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestCompare(t *testing.T) {
	for _, test := range []struct{ name, a, b, want string }{
		{name: "both empty"},
		{name: "the same", a: "-A -t V -s rr\n-a -t V -r 1\n", b: "-A -t V -s rr\n-a -t V -r 1 -w 1\n"},
		{
			name: "what has no effect", a: "-A -t V -s rr\n-a -t V -r 1\n",
			b: "-A -t V -s rr -p 60\n-E -t V -s rr\n-a -t V -r 1\n",
		},
		{
			name: "a service in one", a: "-A -t V -s rr\n-a -t V -r 2\n-a -t V -r 1\n", b: "-A -f 7 -s rr\n-a -f 7 -r 1:80\n",
			want: "- -A -t V -s rr\n- -a -t V -r 1:80 -m -w 1\n- -a -t V -r 2:80 -m -w 1\n+ -A -f 7 -s rr\n+ -a -f 7 -r 1:80 -m -w 1\n",
		},
		{
			name: "a property of a service", a: "-A -t V -s rr\n-a -t V -r 1\n", b: "-A -t V -s wrr -p 60\n-a -t V -r 1\n",
			want: "- -A -t V -s rr\n+ -A -t V -s wrr -p 60\n",
		},
		{
			name: "flags", a: "-A -t V -s sh\n", b: "-A -t V -s sh -b sh-port\n",
			want: "- -A -t V -s sh\n+ -A -t V -s sh -b sh-port\n",
		},
		{
			name: "servers", a: "-A -t V -s rr\n-a -t V -r 1\n-a -t V -r 2\n-a -t V -r 3\n",
			b:    "-A -t V -s rr\n-a -t V -r 4\n-a -t V -r 3 -x 9\n-a -t V -r 1\n",
			want: "- -a -t V -r 2:80 -m -w 1\n- -a -t V -r 3:80 -m -w 1\n+ -a -t V -r 3:80 -m -w 1 -x 9\n+ -a -t V -r 4:80 -m -w 1\n",
		},
		{
			name: "the order of rr does not count", a: "-A -t V -s rr\n-a -t V -r 1\n-a -t V -r 2\n",
			b: "-A -t V -s rr\n-a -t V -r 2\n-a -t V -r 1\n",
		},
		{
			name: "the order of mh", a: "-A -t V -s mh\n-a -t V -r 1\n-a -t V -r 2\n-a -t V -r 3\n-a -t V -r 4\n",
			b: "-A -t V -s mh\n-a -t V -r 1\n-a -t V -r 3\n-a -t V -r 4\n-a -t V -r 2\n",
			want: "# TCP V: the servers of mh are in another order\n- -a -t V -r 2:80 -m -w 1\n" +
				"+ -a -t V -r 2:80 -m -w 1\n",
		},
		{
			name: "the order of mh without a server", a: "-A -t V -s mh\n-a -t V -r 1\n-a -t V -r 2\n-a -t V -r 3\n",
			b:    "-A -t V -s mh\n-a -t V -r 1\n-a -t V -r 3\n",
			want: "- -a -t V -r 2:80 -m -w 1\n",
		},
		{
			name: "settings of one table", a: "--set 1 2 3\n--start-daemon master --mcast-interface lo\n", b: "-C\n",
		},
		{
			name: "settings", a: "--set 1 2 3\n--start-daemon master --mcast-interface lo\n--stop-daemon backup\n",
			b: "--set 1 2 4\n--start-daemon master --mcast-interface lo --syncid 1\n--start-daemon backup --mcast-interface lo\n",
			want: "- --set 1 2 3\n+ --set 1 2 4\n- --start-daemon master --mcast-interface lo\n+ --start-daemon master --mcast-interface lo --syncid 1\n" +
				"+ --start-daemon backup --mcast-interface lo\n",
		},
		{name: "defaults of a daemon", a: "--start-daemon master --mcast-interface lo\n", b: "--start-daemon master --mcast-interface lo --mcast-ttl 1\n"},
		{name: "a timeout that is kept", a: "--set 0 2 3\n", b: "--set 1 2 3\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := string(AppendText(nil, Compare(described(t, test.a), described(t, test.b), Options{})))
			got = strings.NewReplacer("192.0.2.1:80", "V", "10.0.0.", "").Replace(got)
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("wanted (-) and got (+) differ:\n%s", d)
			}
		})
	}
}

func TestIgnoreWeights(t *testing.T) {
	a := described(t, "-A -t V -s rr\n-a -t V -r 1 -w 1\n-a -t V -r 2 -w 1\n")
	b := described(t, "-A -t V -s rr\n-a -t V -r 1 -w 0\n-a -t V -r 2 -w 0 -x 5\n")
	if all := Compare(a, b, Options{}); len(all) != 2 {
		t.Errorf("with weights: %v", all)
	}
	if all := Compare(a, b, Options{IgnoreWeights: true}); len(all) != 1 || all[0].A[0].Server.Address.String() != "10.0.0.2:80" {
		t.Errorf("without weights: %v", all)
	}
}

func TestJSON(t *testing.T) {
	a := described(t, "--set 1 2 3\n-A -t V -s rr\n")
	b := described(t, "--set 1 2 4\n-A -t V -s rr\n-a -t V -r 1\n")
	var text strings.Builder
	if err := WriteJSON(&text, "x", "y", Compare(a, b, Options{})); err != nil {
		t.Fatal(err)
	}
	var got any
	if err := json.Unmarshal([]byte(text.String()), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"a": "x", "b": "y", "same": false, "differences": []any{
		map[string]any{"object": "timeouts", "service": nil, "a": []any{"--set 1 2 3"}, "b": []any{"--set 1 2 4"}},
		map[string]any{
			"object": "server", "service": "TCP 192.0.2.1:80",
			"a": []any{}, "b": []any{"-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1"},
		},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("wanted (-) and got (+) differ:\n%s", d)
	}
}
