// Package format writes IPVS's services, real servers, connections, daemons and timeouts: as ipvsadm's tables, to the
// byte; in columns as wide as what is in them; or as JSON.
package format

import (
	"context"
	"io"
	"iter"
	"net/netip"
	"strconv"

	"ipvsadm/ipvs"
	"ipvsadm/names"
)

// Columns says what a table tells of services and their real servers.
type Columns int

// The columns of a table.
const (
	Summary               Columns = iota // forwarding method, weight and numbers of connections
	Totals                               // counters since the service was made or zeroed: --stats
	Rates                                // counters per second: --rate
	Thresholds                           // bounds on connections: --thresholds
	PersistentConnections                // numbers of connections, persistent ones too: --persistent-conn
	TunnelInfo                           // the summary and how packets are wrapped: --tun-info
)

var headings = [...]string{
	Summary: "Prot LocalAddress:Port Scheduler Flags\n" +
		"  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n",
	Totals: "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n" +
		"  -> RemoteAddress:Port\n",
	Rates: "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n" +
		"  -> RemoteAddress:Port\n",
	Thresholds: "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n" +
		"  -> RemoteAddress:Port\n",
	PersistentConnections: "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n" +
		"  -> RemoteAddress:Port\n",
	TunnelInfo: "Prot LocalAddress:Port Scheduler Flags\n" +
		"  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn\n",
}

// Table is a listing of services. The zero value is that of -Ln.
type Table struct {
	Columns Columns
	Exact   bool            // counters are written whole, however large
	Names   *names.Resolver // nil for numbers
}

// Version writes the line that comes before a table of all services.
func Version(w io.Writer, info ipvs.Info) error {
	_, err := io.WriteString(w, "IP Virtual Server version "+info.Version.String()+
		" (size="+strconv.FormatUint(uint64(info.ConnectionTableSize), 10)+")\n")
	return err
}

// Write writes the headings and the entries as they come, or, if there are names to look up, after all have come. It
// returns the first error of the entries or of the writer.
func (t *Table) Write(ctx context.Context, w io.Writer, entries iter.Seq2[ipvs.Entry, error]) error {
	entries = resolved(ctx, t.Names, entries)
	if _, err := io.WriteString(w, headings[t.Columns]); err != nil {
		return err
	}
	var b []byte
	for entry, err := range entries {
		if err != nil {
			return err
		}
		b = t.appendService(b[:0], &entry.ListedService)
		for j := range entry.Destinations {
			b = t.appendDestination(b, &entry.ListedService, &entry.Destinations[j])
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

// resolved returns entries whose names the resolver knows, if there is one.
func resolved(ctx context.Context, resolver *names.Resolver, entries iter.Seq2[ipvs.Entry, error]) iter.Seq2[ipvs.Entry, error] {
	if resolver == nil {
		return entries
	}
	return ipvs.AddressesFirst(entries, func(addresses []netip.Addr) { resolver.ResolveAddresses(ctx, addresses) })
}

// nameWidth is the width of the first column after its five characters of protocol or arrow.
const nameWidth = 28
