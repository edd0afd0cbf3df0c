package format

import (
	"strings"
	"testing"
	"time"

	"ipvsadm/ipvs"
)

func TestTimeouts(t *testing.T) {
	var b strings.Builder
	err := Timeouts(&b, ipvs.Timeouts{TCP: 15 * time.Minute, TCPFin: 2 * time.Minute, UDP: 301 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, golden(t, "timeouts"), b.String())
}
