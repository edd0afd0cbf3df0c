package netns

import "testing"

func TestPath(t *testing.T) {
	for namespace, want := range map[string]string{
		"blue":                      "/run/netns/blue",
		"/var/run/docker/netns/1a2": "/var/run/docker/netns/1a2",
		"/proc/7/ns/net":            "/proc/7/ns/net",
		"./blue":                    "./blue",
	} {
		if got, err := path(namespace); err != nil || got != want {
			t.Errorf("%s: %q %v", namespace, got, err)
		}
	}
	for _, namespace := range []string{"", ".", ".."} {
		if got, err := path(namespace); err == nil {
			t.Errorf("%q: %s", namespace, got)
		}
	}
}
