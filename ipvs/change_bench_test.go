package ipvs

import "testing"

func BenchmarkChange(b *testing.B) {
	service := Service{ServiceID: AddressService(TCP, addrPort("10.1.0.1:80")), Scheduler: "wlc"}
	destination := Destination{Address: addrPort("10.128.0.1:8080"), Weight: 1}
	b.ReportAllocs()
	for b.Loop() {
		if AddService(service).invalid != nil || AddDestination(service.ServiceID, destination).invalid != nil {
			b.Fatal("invalid")
		}
	}
}
