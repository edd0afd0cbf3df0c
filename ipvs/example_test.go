package ipvs_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/netip"
	"strings"

	"ipvsadm/ipvs"
)

func Example() {
	ctx := context.Background()
	client, err := ipvs.Dial()
	if errors.Is(err, fs.ErrNotExist) && ipvs.LoadModule(ctx) == nil {
		client, err = ipvs.Dial()
	}
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	web := ipvs.AddressService(ipvs.TCP, netip.MustParseAddrPort("192.0.2.1:80"))
	changes := []ipvs.Change{
		ipvs.AddService(ipvs.Service{ServiceID: web, Scheduler: "rr"}),
	}
	for _, server := range []string{"10.0.0.1:80", "10.0.0.2:80"} {
		changes = append(changes, ipvs.AddDestination(web, ipvs.Destination{
			Address: netip.MustParseAddrPort(server), Forwarding: ipvs.DirectRouting, Weight: 1,
		}))
	}
	if err := client.Apply(ctx, changes...); err != nil {
		log.Fatal(err)
	}
	servers, err := client.Destinations(ctx, web)
	if err != nil {
		log.Fatal(err)
	}
	for _, server := range servers {
		fmt.Println(server.Address, server.ActiveConnections)
	}
}

func ExampleReadConnections() {
	table := `Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP 0A010002 DC56 C0000201 0050 0A000001 0050 ESTABLISHED     899
`
	for connection, err := range ipvs.ReadConnections(strings.NewReader(table)) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(connection.Client, "->", connection.Destination, connection.State, connection.Expires)
	}
	// Output: 10.1.0.2:56406 -> 10.0.0.1:80 ESTABLISHED 14m59s
}
