package ipvs

import (
	"strings"
	"testing"
	"time"
)

func TestCountOrigins(t *testing.T) {
	const heading = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n"
	const connection = "TCP C0000201 C7B0 C0000201 0050 0A000009 0050 "
	timeouts := Timeouts{TCP: 900 * time.Second, TCPFin: 120 * time.Second, UDP: 300 * time.Second}
	for _, test := range []struct {
		name, lines string
		want        Origins
	}{
		{"none", "", Origins{0, 0, -1}},
		{"local", connection + "ESTABLISHED LOCAL      899\n", Origins{1, 0, -1}},
		{
			"the newest of several", connection + "ESTABLISHED SYNC       850\n" + connection + "FIN_WAIT    SYNC       117\n" +
				connection + "ESTABLISHED LOCAL      900\n" + "UDP C0000201 DC16 C0000201 0035 0A000009 0035 UDP         SYNC       200\n",
			Origins{1, 3, 3 * time.Second},
		},
		{"just now", connection + "ESTABLISHED SYNC       900\n", Origins{0, 1, 0}},
		{"states without a timeout", connection + "SYN_RECV    SYNC        55\n" + connection + "NONE        SYNC       250\n", Origins{0, 2, -1}},
		{"a longer time than the timeout", connection + "ESTABLISHED SYNC      9000\n", Origins{0, 1, -1}},
		{"IPv6", "TCP [2001:0db8:0000:0000:0000:0000:0000:0001] C7B0 [2001:0db8:0000:0000:0000:0000:0000:0002] 0050 " +
			"[2001:0db8:0000:0000:0000:0000:0000:0003] 0050 ESTABLISHED SYNC       890\n", Origins{0, 1, 10 * time.Second}},
		{"malformed", "x\n\nSYNC\n" + connection + "ESTABLISHED SYNC       -5\n", Origins{0, 1, -1}},
	} {
		got, err := CountOrigins(strings.NewReader(heading+test.lines), timeouts)
		if err != nil || got != test.want {
			t.Errorf("%s: %v, %v; want %v", test.name, got, err, test.want)
		}
	}
}
