package ipvs

import (
	"context"
	"fmt"
)

// Version is the kernel's IPVS version: NVERSION of linux/ip_vs.h, 0x010201 for 1.2.1.
type Version uint32

// String returns the version as the listings print it, such as "1.2.1".
func (v Version) String() string {
	return fmt.Sprintf("%d.%d.%d", uint32(v)>>16&0xff, uint32(v)>>8&0xff, uint32(v)&0xff)
}

// Info describes the kernel's IPVS (IPVS_INFO_ATTR_*, linux/ip_vs.h).
type Info struct {
	Version             Version
	ConnectionTableSize uint32 // hash buckets of the connection table
}

// Info returns the version of the kernel's IPVS and the size of its connection table. IPVS_CMD_GET_INFO.
func (c *Client) Info(ctx context.Context) (Info, error) {
	return get(ctx, c, request{operation: OpGetInfo}.encoded(encode(cmdGetInfo)), decodeInfo)
}

// decodeInfo reads a message that holds the information.
func decodeInfo(message []byte, info *Info) error {
	var a attributes
	a.read(message)
	info.Version = Version(a.number(infoVersion))
	info.ConnectionTableSize = uint32(a.number(infoTableSize))
	return a.err
}
