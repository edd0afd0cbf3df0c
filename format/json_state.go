package format

import (
	"io"
	"net/netip"
	"time"

	"ipvsadm/ipvs"
)

type jsonTimeouts struct {
	TCP    int64 `json:"tcp_timeout_seconds"`
	TCPFin int64 `json:"tcpfin_timeout_seconds"`
	UDP    int64 `json:"udp_timeout_seconds"`
}

type jsonDaemons struct {
	Daemons []jsonDaemon `json:"daemons"`
}

type jsonDaemon struct {
	State     string      `json:"state"`
	Interface string      `json:"mcast_interface"`
	SyncID    uint32      `json:"syncid"`
	MaxLength uint16      `json:"sync_maxlen_bytes"`
	Group     *netip.Addr `json:"mcast_group"`
	Port      uint16      `json:"mcast_port"`
	TTL       uint8       `json:"mcast_ttl"`
}

// Timeouts writes the timeouts of connections.
func (j jsonFormat) Timeouts(w io.Writer, timeouts ipvs.Timeouts) error {
	return writeDocument(w, jsonTimeouts{seconds(timeouts.TCP), seconds(timeouts.TCPFin), seconds(timeouts.UDP)})
}

// Daemons writes the synchronization daemons.
func (j jsonFormat) Daemons(w io.Writer, daemons []ipvs.Daemon) error {
	document := jsonDaemons{Daemons: make([]jsonDaemon, len(daemons))}
	for i, daemon := range daemons {
		document.Daemons[i] = jsonDaemon{
			State:     daemon.State.String(),
			Interface: daemon.Interface,
			SyncID:    daemon.SyncID,
			MaxLength: daemon.MaxLength,
			Port:      daemon.Port,
			TTL:       daemon.TTL,
		}
		if daemon.Group.IsValid() {
			document.Daemons[i].Group = &daemon.Group
		}
	}
	return writeDocument(w, document)
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }
