package names

import (
	"encoding/binary"
	"net/netip"
)

// AppendEndpoint writes an address and port to b, each as its name if it has one, and an IPv6 address in brackets. The
// addresses' names are those that ResolveAddresses found. The protocol is the one that the port's name is looked up
// for, empty to write the number. A nil Resolver writes numbers alone.
func (r *Resolver) AppendEndpoint(b []byte, endpoint netip.AddrPort, protocol string) []byte {
	if r == nil {
		return appendPort(appendAddress(b, endpoint.Addr()), endpoint.Port())
	}
	return r.appendNames(b, endpoint, protocol)
}

func (r *Resolver) appendNames(b []byte, endpoint netip.AddrPort, protocol string) []byte {
	name, ok := r.AddressName(endpoint.Addr())
	switch {
	case ok && endpoint.Addr().Is6():
		b = append(append(append(b, '['), name...), ']')
	case ok:
		b = append(b, name...)
	default:
		b = appendAddress(b, endpoint.Addr())
	}
	if protocol != "" {
		if name, ok := r.ServiceName(endpoint.Port(), protocol); ok {
			return append(append(b, ':'), name...)
		}
	}
	return appendPort(b, endpoint.Port())
}

func appendAddress(b []byte, address netip.Addr) []byte {
	if address.Is4() {
		octets := address.As4()
		return appendIPv4(b, binary.BigEndian.Uint32(octets[:]))
	}
	return append(appendIPv6(append(b, '['), address), ']')
}

func appendIPv6(b []byte, address netip.Addr) []byte {
	if embedded, ok := embeddedIPv4(address); ok {
		return appendIPv4(append(b, "::"...), embedded)
	}
	return address.AppendTo(b)
}

// appendIPv4 writes the four octets of a number. (netip does too, in twice the time, and a listing of connections writes
// little else.)
func appendIPv4(b []byte, number uint32) []byte {
	b = appendOctet(b, number>>24)
	b = appendOctet(b, number>>16)
	b = appendOctet(b, number>>8)
	b = appendOctet(b, number)
	return b[:len(b)-1]
}

// appendOctet writes the last eight bits of a number and a dot.
func appendOctet(b []byte, number uint32) []byte {
	octet := int(byte(number))
	b = append(b, octetTexts[4*octet:4*octet+4]...)
	switch {
	case octet < 10:
		return b[:len(b)-2]
	case octet < 100:
		return b[:len(b)-1]
	default:
		return b
	}
}

// appendPort writes a colon and a port.
func appendPort(b []byte, port uint16) []byte {
	n := uint32(port)
	hundreds, tens, ones := n/100, byte(n%100/10), byte(n%10)
	switch {
	case n < 10:
		return append(b, ':', '0'+ones)
	case n < 100:
		return append(b, ':', '0'+tens, '0'+ones)
	case n < 1000:
		return append(b, ':', '0'+byte(hundreds), '0'+tens, '0'+ones)
	}
	high, low := hundreds/10, byte(hundreds%10)
	if n < 10000 {
		return append(b, ':', '0'+byte(high), '0'+low, '0'+tens, '0'+ones)
	}
	return append(b, ':', '0'+byte(high/10), '0'+byte(high%10), '0'+low, '0'+tens, '0'+ones)
}

// embeddedIPv4 returns the last four octets of an IPv6 address whose other twelve are zero and whose next two are not:
// the C library writes such an address as ::192.0.2.1, netip does not.
func embeddedIPv4(address netip.Addr) (uint32, bool) {
	octets := address.As16()
	embedded := binary.BigEndian.Uint32(octets[12:])
	return embedded, [12]byte(octets[:12]) == [12]byte{} && embedded>>16 != 0
}

// octetTexts holds each octet as it is written, and a dot, in four characters.
const octetTexts = "" +
	"0.  1.  2.  3.  4.  5.  6.  7.  8.  9.  10. 11. 12. 13. 14. 15. 16. 17. 18. 19. 20. 21. 22. 23. 24. " +
	"25. 26. 27. 28. 29. 30. 31. 32. 33. 34. 35. 36. 37. 38. 39. 40. 41. 42. 43. 44. 45. 46. 47. 48. 49. " +
	"50. 51. 52. 53. 54. 55. 56. 57. 58. 59. 60. 61. 62. 63. 64. 65. 66. 67. 68. 69. 70. 71. 72. 73. 74. " +
	"75. 76. 77. 78. 79. 80. 81. 82. 83. 84. 85. 86. 87. 88. 89. 90. 91. 92. 93. 94. 95. 96. 97. 98. 99. " +
	"100.101.102.103.104.105.106.107.108.109.110.111.112.113.114.115.116.117.118.119.120.121.122.123.124." +
	"125.126.127.128.129.130.131.132.133.134.135.136.137.138.139.140.141.142.143.144.145.146.147.148.149." +
	"150.151.152.153.154.155.156.157.158.159.160.161.162.163.164.165.166.167.168.169.170.171.172.173.174." +
	"175.176.177.178.179.180.181.182.183.184.185.186.187.188.189.190.191.192.193.194.195.196.197.198.199." +
	"200.201.202.203.204.205.206.207.208.209.210.211.212.213.214.215.216.217.218.219.220.221.222.223.224." +
	"225.226.227.228.229.230.231.232.233.234.235.236.237.238.239.240.241.242.243.244.245.246.247.248.249." +
	"250.251.252.253.254.255."
