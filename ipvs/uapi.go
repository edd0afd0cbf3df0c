package ipvs

// The kernel's numbers for IPVS, as in include/uapi/linux/ip_vs.h: the family, its commands and their attributes.
const (
	familyName    = "IPVS"
	familyVersion = 1
)

// IPVS_CMD_*
const (
	cmdNewService = iota + 1
	cmdSetService
	cmdDelService
	cmdGetService
	cmdNewDest
	cmdSetDest
	cmdDelDest
	cmdGetDest
	cmdNewDaemon
	cmdDelDaemon
	cmdGetDaemon
	cmdSetConfig
	cmdGetConfig
	cmdSetInfo // the kernel's reply to cmdGetInfo
	cmdGetInfo
	cmdZero
	cmdFlush
)

// IPVS_CMD_ATTR_*
const (
	attrService = iota + 1
	attrDest
	attrDaemon
	attrTimeoutTCP
	attrTimeoutTCPFin
	attrTimeoutUDP
	attrEnd
)

// IPVS_SVC_ATTR_*
const (
	svcFamily = iota + 1
	svcProtocol
	svcAddress
	svcPort
	svcMark
	svcScheduler
	svcFlags
	svcTimeout
	svcNetmask
	svcStats
	svcEngine
	svcStats64
	svcEnd
)

// IPVS_DEST_ATTR_*
const (
	destAddress = iota + 1
	destPort
	destForwarding
	destWeight
	destUpper
	destLower
	destActive
	destInactive
	destPersistent
	destStats
	destFamily
	destStats64
	destTunnelType
	destTunnelPort
	destTunnelFlags
	destEnd
)

// IPVS_DAEMON_ATTR_*
const (
	daemonState = iota + 1
	daemonInterface
	daemonSyncID
	daemonMaxLength
	daemonGroup
	daemonGroup6
	daemonPort
	daemonTTL
	daemonEnd
)

// IPVS_STATS_ATTR_*
const (
	statsConnections = iota + 1
	statsIncomingPackets
	statsOutgoingPackets
	statsIncomingBytes
	statsOutgoingBytes
	statsConnectionRate
	statsIncomingPacketRate
	statsOutgoingPacketRate
	statsIncomingByteRate
	statsOutgoingByteRate
	statsEnd
)

// IPVS_INFO_ATTR_*
const (
	infoVersion = iota + 1
	infoTableSize
	infoEnd
)

// nameSize is the kernel's limit for a name with its NUL: IP_VS_SCHEDNAME_MAXLEN, IP_VS_PENAME_MAXLEN,
// IP_VS_IFNAME_MAXLEN.
const nameSize = 16

// The parts of an attribute's header (linux/netlink.h).
const (
	attributeHeader   = 4      // bytes of struct nlattr
	attributeKindMask = 0x3fff // NLA_TYPE_MASK: the kind without its flags
	attributeNested   = 0x8000 // NLA_F_NESTED
)

// attributeKinds is one more than the highest kind of attribute that any message has here. Newer kernels may have more.
const attributeKinds = max(attrEnd, svcEnd, destEnd, daemonEnd, statsEnd, infoEnd)

// forwardingMask is IP_VS_CONN_F_FWD_MASK.
const forwardingMask = 7
