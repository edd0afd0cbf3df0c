package main

import (
	"crypto/sha256"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func TestMaterials(t *testing.T) {
	program := &debug.BuildInfo{GoVersion: "go1.26.0", Deps: []*debug.Module{
		{Path: "example.org/a", Version: "v1.2.3", Sum: "h1:abc="},
		{Path: "example.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v2.0.0"}},
	}}
	table := "| module | licence | copyright | used |\n|---|---|---|---|\n" +
		"| Go and its standard library | BSD-3-Clause | The Go Authors | in the program |\n" +
		"| example.org/a | MIT | A, B | in the program |\n| example.org/c | ISC | C | in the program |\n"
	of := subject{"some.deb", "1.0", sha256.Sum256([]byte("some.deb")), time.Unix(0, 0)}
	bom, err := materials(program, licences(table), of)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, component := range *bom.Components {
		got = append(got, component.PackageURL+" "+(*component.Licenses)[0].License.ID)
	}
	want := "pkg:golang/std@1.26.0 BSD-3-Clause, pkg:golang/example.org/a@v1.2.3 MIT, pkg:golang/example.org/c@v2.0.0 ISC"
	if strings.Join(got, ", ") != want {
		t.Errorf("components %s\nwant       %s", strings.Join(got, ", "), want)
	}
	if bom.Metadata.Timestamp != "1970-01-01T00:00:00Z" || bom.Metadata.Component.BOMRef != "some.deb" {
		t.Errorf("metadata %+v", bom.Metadata)
	}
	if again, _ := materials(program, licences(table), of); again.SerialNumber != bom.SerialNumber {
		t.Errorf("two numbers of one package: %s and %s", bom.SerialNumber, again.SerialNumber)
	}
	if _, err := materials(program, licences(strings.Replace(table, "example.org/a", "example.org/x", 1)), of); err == nil ||
		!strings.Contains(err.Error(), "example.org/a") {
		t.Errorf("a module without a licence: %v", err)
	}
}
