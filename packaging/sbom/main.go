// Sbom writes the software bill of materials of a package to standard output: what the program in it is built from, by
// Go's build information, in CycloneDX.
//
//	sbom PROGRAM PACKAGE LICENSES.md
//
// VERSION is the package's version. SOURCE_DATE_EPOCH is the time in it.
package main

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	if err := run(os.Args[1:], os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func run(words []string, getenv func(string) string, out io.Writer) error {
	if len(words) != 3 {
		return errors.New("usage: sbom PROGRAM PACKAGE LICENSES.md")
	}
	program, err := buildinfo.ReadFile(words[0])
	if err != nil {
		return err
	}
	packaged, err := os.ReadFile(words[1])
	if err != nil {
		return err
	}
	text, err := os.ReadFile(words[2])
	if err != nil {
		return err
	}
	seconds, err := strconv.ParseInt(getenv("SOURCE_DATE_EPOCH"), 10, 64)
	if err != nil {
		return fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
	}
	bom, err := materials(program, licences(string(text)), subject{
		file:    filepath.Base(words[1]),
		version: getenv("VERSION"),
		digest:  sha256.Sum256(packaged),
		time:    time.Unix(seconds, 0),
	})
	if err != nil {
		return err
	}
	return cdx.NewBOMEncoder(out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cdx.SpecVersion1_6)
}

// subject is the package that the bill accompanies.
type subject struct {
	file, version string
	digest        [sha256.Size]byte
	time          time.Time
}

// licences reads the table of LICENSES.md: the licence of each module, and of the standard library as "std".
func licences(text string) map[string]string {
	list := make(map[string]string)
	for _, row := range regexp.MustCompile(`(?m)^\| (.+?) \| (\S+) \| .+ \| .+ \|$`).FindAllStringSubmatch(text, -1) {
		list[row[1]] = row[2]
	}
	list["std"] = list["Go and its standard library"]
	return list
}

// materials makes the bill. A module without a licence in the list is an error.
func materials(program *debug.BuildInfo, licences map[string]string, of subject) (*cdx.BOM, error) {
	main := cdx.Component{
		BOMRef:   of.file,
		Type:     cdx.ComponentTypeApplication,
		Name:     "ipvsadm-go",
		Version:  of.version,
		Hashes:   &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(of.digest[:])}},
		Licenses: &cdx.Licenses{{License: &cdx.License{ID: "MIT"}}},
		Properties: &[]cdx.Property{
			{Name: "file", Value: of.file},
		},
	}
	modules := []*debug.Module{{Path: "std", Version: strings.TrimPrefix(program.GoVersion, "go")}}
	for _, module := range program.Deps {
		if module.Replace != nil {
			module = module.Replace
		}
		modules = append(modules, module)
	}
	var components []cdx.Component
	var references []string
	for _, module := range modules {
		licence, ok := licences[module.Path]
		if !ok || licence == "" {
			return nil, fmt.Errorf("LICENSES.md has no licence of %s", module.Path)
		}
		component := cdx.Component{
			Type:       cdx.ComponentTypeLibrary,
			Name:       module.Path,
			Version:    module.Version,
			PackageURL: "pkg:golang/" + module.Path + "@" + module.Version,
			Licenses:   &cdx.Licenses{{License: &cdx.License{ID: licence}}},
		}
		component.BOMRef = component.PackageURL
		if module.Sum != "" {
			component.Properties = &[]cdx.Property{{Name: "go.sum", Value: module.Sum}}
		}
		components = append(components, component)
		references = append(references, component.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.SerialNumber = serial(of.digest)
	bom.Metadata = &cdx.Metadata{Timestamp: of.time.UTC().Format(time.RFC3339), Component: &main}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: main.BOMRef, Dependencies: &references}}
	return bom, nil
}

// serial is a UUID (version 8: the application's own) from the package's digest, because a random one would differ
// between two builds.
func serial(digest [sha256.Size]byte) string {
	id := digest[:16]
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
