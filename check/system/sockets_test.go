package system

import (
	"fmt"
	"testing"
)

func TestWaiting(t *testing.T) {
	const four = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0
   2: 0100007F:0050 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 100 0 0 10 0
`
	const six = `   0: B80D0120000000000000000001000000:0035 00000000000000000000000000000000:0000 0A 00000000:00000000
`
	for text, want := range map[string]string{
		four: "[0.0.0.0:80 127.0.0.1:8080]",
		six:  "[[2001:db8::1]:53]",
	} {
		addresses, err := waiting([]byte(text), "0A")
		if got := fmt.Sprint(addresses); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	for _, bad := range []string{"0: 0000:0050 x 0A", "0: zz:0050 x 0A", "0: 00000000:x x 0A", "0: 00000000 x 0A"} {
		if addresses, err := waiting([]byte(bad), "0A"); err == nil {
			t.Errorf("%q: %v", bad, addresses)
		}
	}
}
