package drain

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ipvsadm/ipvs"
	"ipvsadm/owners"
)

func TestRefusals(t *testing.T) {
	const hashed = "-a -t 192.0.2.1:80 -r 10.0.0.1 -m\n-a -t 192.0.2.1:80 -r 10.0.0.2 -i\n"
	one := func(reason, consequence, instead string) []Refusal { return []Refusal{{reason, consequence, instead}} }
	const refusesHashed = "clients that hash to 10.0.0.1:80 would be refused"
	for _, test := range []struct {
		name, table, words string
		records            []Record
		owners             []owners.Owner
		want               []Refusal
	}{
		{name: "harmless", table: web, words: "-r 10.0.0.1"},
		{
			name: "mh", table: "-A -t 192.0.2.1:80 -s mh -b mh-port -p 60\n" + hashed, words: "-r 10.0.0.1",
			want: one("TCP 192.0.2.1:80 has the scheduler mh without the flag mh-fallback", refusesHashed,
				"type before: ipvsadm -E -t 192.0.2.1:80 -s mh -p 60 -b mh-fallback,mh-port"),
		},
		{
			name: "sh", table: "-A -t 192.0.2.1:80 -s sh\n" + hashed, words: "-r 10.0.0.1",
			want: one("TCP 192.0.2.1:80 has the scheduler sh without the flag sh-fallback", refusesHashed,
				"type before: ipvsadm -E -t 192.0.2.1:80 -s sh -b sh-fallback"),
		},
		{
			name: "dh", table: "-A -t 192.0.2.1:80 -s dh\n" + hashed, words: "-r 10.0.0.1",
			want: one("TCP 192.0.2.1:80 has the scheduler dh, which has no fallback flag", refusesHashed,
				"type before: ipvsadm -E -t 192.0.2.1:80 -s lblc"),
		},
		{name: "mh with its flag", table: "-A -t 192.0.2.1:80 -s mh -b mh-fallback\n" + hashed, words: "-r 10.0.0.1"},
		{name: "sh with its flag", table: "-A -t 192.0.2.1:80 -s sh -b sh-fallback\n" + hashed, words: "-r 10.0.0.1"},
		{
			name: "the last", table: "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i\n", words: "-r 10.0.0.1",
			want: one("10.0.0.1:80 is the last server of TCP 192.0.2.1:80 with a weight", "every new client would be refused",
				"add another server before: ipvsadm -a -t 192.0.2.1:80 -r SERVER --ipip"),
		},
		{
			name: "the last with a weight", table: "-A -f 7 -6 -s rr\n-a -f 7 -6 -r 2001:db8::1\n-a -f 7 -6 -r 2001:db8::2 -w 0\n", words: "-r 2001:db8::1",
			want: one("[2001:db8::1]:0 is the last server of FWM 7 IPv6 with a weight", "every new client would be refused",
				"type before: ipvsadm weight -r [2001:db8::2]:0 -f 7 -6 1"),
		},
		{
			name: "the last that is not drained", table: "-A -t 192.0.2.1:80 -s rr\n" + hashed + "-a -t 192.0.2.1:80 -r 10.0.0.3 -m -w 0\n", words: "-r 10.0.0.1",
			records: []Record{}, want: nil,
		},
		{
			name: "every port", table: "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:1 -m\n-a -t 192.0.2.1:80 -r 10.0.0.1:2 -m\n-a -t 192.0.2.1:80 -r 10.0.0.2:1 -m -w 0\n",
			words:   "-r 10.0.0.1",
			records: []Record{{Service: ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80")), Server: ipvs.Destination{Address: netip.MustParseAddrPort("10.0.0.2:1")}}},
			want: one("TCP 192.0.2.1:80 has no other server with a weight than these 2", "every new client would be refused",
				"type before: ipvsadm undrain -r 10.0.0.2:1 -t 192.0.2.1:80"),
		},
		{name: "weight 0 already", table: "-A -t 192.0.2.1:80 -s mh\n-a -t 192.0.2.1:80 -r 10.0.0.1 -w 0\n", words: "-r 10.0.0.1", owners: []owners.Owner{{Name: "keepalived", Process: 5}}},
		{
			name: "owners", table: web, words: "-r 10.0.0.2",
			owners: []owners.Owner{{Name: "keepalived", Process: 5}, {Name: "ldirectord", Process: 6}, {Name: "kube-proxy", Process: 7}},
			want: []Refusal{
				{"keepalived (process 5) also manages this table", "it would set the weight back", `write "weight 0" at "real_server 10.0.0.2 80" in keepalived.conf, and type: systemctl reload keepalived`},
				{"ldirectord (process 6) also manages this table", "it would set the weight back", `write "quiescent = yes" in ldirectord.cf, delete the line "real=10.0.0.2:80" there, and type: systemctl reload ldirectord`},
				{"kube-proxy (process 7) also manages this table", "it would set the weight back", "type: kubectl drain NODE"},
			},
		},
	} {
		table := tableOf(t, test.table)
		got := refusals(table, chosen(t, table, test.words), test.records, test.owners)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}
