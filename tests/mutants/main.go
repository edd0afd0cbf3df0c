// Mutants measures the unit tests: it changes one place of the program at a time, chosen at random, and runs the tests. A
// change that no test notices is a mutant that survives; it is printed, for a test to be written. The exit status is 1 if
// fewer than 90 % are killed. The tests under tests/ do not count: they run a program that is not changed.
//
//	go run ./tests/mutants [-number N] [-seed N] [PACKAGE...]
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// wanted is the share of mutants, in percent, that the tests must kill.
const wanted = 90

// mutant is one change of the source.
type mutant struct {
	pkg         string // the package, as "go test" takes it
	place       token.Position
	length      int
	replacement string
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("mutants: ")
	number := flag.Int("number", 300, "how many mutants to try")
	seed := flag.Uint64("seed", 1, "what the choice of mutants depends on")
	flag.Parse()
	packages, err := listPackages(flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	program, err := listPackages(nil)
	if err != nil {
		log.Fatal(err)
	}
	everything := paths(program)
	if out, err := test(everything); err != nil {
		log.Fatalf("the tests fail without any change:\n%s", out)
	}
	var all []mutant
	for _, p := range packages {
		found, err := mutantsOf(p)
		if err != nil {
			log.Fatal(err)
		}
		all = append(all, found...)
	}
	random := rand.New(rand.NewPCG(*seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	killed, tried := 0, 0
	byPackage := map[string][2]int{} // killed and tried
	for _, m := range all {
		if tried == *number {
			break
		}
		result, err := m.try(everything)
		if err != nil {
			log.Fatal(err)
		}
		if ctx.Err() != nil { // the score so far
			break
		}
		if result == doesNotBuild {
			continue
		}
		tried++
		counts := byPackage[m.pkg]
		counts[1]++
		if result == isKilled {
			killed++
			counts[0]++
		} else {
			fmt.Println("survived:", m)
		}
		byPackage[m.pkg] = counts
	}
	for _, name := range slices.Sorted(maps.Keys(byPackage)) {
		counts := byPackage[name]
		fmt.Printf("%-24s %3d of %3d killed\n", name, counts[0], counts[1])
	}
	if tried == 0 {
		log.Fatal("no mutants")
	}
	fmt.Printf("%d of %d mutants killed: %.1f %% (of %d places, seed %d)\n", killed, tried, 100*float64(killed)/float64(tried), len(all), *seed)
	if killed*100 < wanted*tried {
		os.Exit(1)
	}
}

type goPackage struct {
	ImportPath, Dir string
	GoFiles         []string
}

// listPackages returns the packages of the program, or the ones named, without those under tests/.
func listPackages(names []string) ([]goPackage, error) {
	if len(names) == 0 {
		names = []string{"./..."}
	}
	out, err := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,GoFiles"}, names...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var packages []goPackage
	decoder := json.NewDecoder(bytes.NewReader(out))
	for decoder.More() {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			return nil, err
		}
		if !strings.Contains(p.ImportPath+"/", "/tests/") {
			packages = append(packages, p)
		}
	}
	return packages, nil
}

func paths(packages []goPackage) []string {
	var all []string
	for _, p := range packages {
		all = append(all, p.ImportPath)
	}
	return all
}

// test runs the unit tests of packages.
func test(packages []string, flags ...string) (out []byte, err error) {
	arguments := append([]string{"test", "-short", "-vet=off", "-failfast", "-timeout=2m"}, flags...)
	command := exec.Command("go", append(arguments, packages...)...)
	command.WaitDelay = time.Second
	return command.CombinedOutput()
}

// mutantsOf returns every mutant of a package.
func mutantsOf(p goPackage) ([]mutant, error) {
	var all []mutant
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			for _, c := range changesOf(n) {
				start := files.Position(c.start)
				length := files.Position(c.end).Offset - start.Offset
				text := strings.ReplaceAll(c.replacement, "%s", string(source[start.Offset:start.Offset+length]))
				all = append(all, mutant{p.ImportPath, start, length, text})
			}
			return true
		})
	}
	return all, nil
}

// change replaces the source between two places. "%s" in the replacement is what stands there.
type change struct {
	start, end  token.Pos
	replacement string
}

// operators are the operators that replace each operator.
var operators = map[token.Token][]string{
	token.EQL: {"!="}, token.NEQ: {"=="},
	token.LSS: {"<=", ">="}, token.LEQ: {"<", ">"}, token.GTR: {">=", "<="}, token.GEQ: {">", "<"},
	token.LAND: {"||"}, token.LOR: {"&&"},
	token.ADD: {"-"}, token.SUB: {"+"}, token.MUL: {"/"}, token.QUO: {"*"}, token.REM: {"*"},
	token.AND: {"|"}, token.OR: {"&"}, token.AND_NOT: {"&"}, token.SHL: {">>"}, token.SHR: {"<<"},
}

// changesOf returns the changes of one node of the source.
func changesOf(n ast.Node) []change {
	var changes []change
	add := func(start, end token.Pos, replacement string) {
		changes = append(changes, change{start, end, replacement})
	}
	switch n := n.(type) {
	case *ast.BinaryExpr:
		for _, operator := range operators[n.Op] {
			add(n.OpPos, n.OpPos+token.Pos(len(n.Op.String())), operator)
		}
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			add(n.OpPos, n.OpPos+1, "")
		}
	case *ast.IfStmt:
		add(n.Cond.Pos(), n.Cond.End(), "!(%s)")
	case *ast.BasicLit:
		if n.Kind == token.INT {
			add(n.Pos(), n.End(), "(%s + 1)")
		}
	case *ast.Ident:
		switch n.Name {
		case "true":
			add(n.Pos(), n.End(), "false")
		case "false":
			add(n.Pos(), n.End(), "true")
		}
	case *ast.ReturnStmt:
		for _, result := range n.Results {
			if name, ok := result.(*ast.Ident); ok && name.Name == "err" {
				add(result.Pos(), result.End(), "nil")
			}
		}
	case *ast.BranchStmt:
		if n.Label == nil && n.Tok == token.CONTINUE {
			add(n.Pos(), n.End(), "break")
		}
	case *ast.BlockStmt:
		for _, statement := range n.List {
			switch s := statement.(type) {
			case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt:
				add(s.Pos(), s.End(), "")
			case *ast.AssignStmt:
				if s.Tok != token.DEFINE {
					add(s.Pos(), s.End(), "")
				}
			}
		}
	}
	return changes
}

func (m mutant) String() string {
	path := m.place.Filename
	if folder, err := os.Getwd(); err == nil {
		path = strings.TrimPrefix(path, folder+"/")
	}
	return fmt.Sprintf("%s:%d:%d: %s", path, m.place.Line, m.place.Column, m.replacement)
}

type result int

const (
	isKilled result = iota
	survived
	doesNotBuild
)

// try runs the tests of the mutant's package and, if it survives, those of the whole program.
func (m mutant) try(program []string) (result, error) {
	directory, err := os.MkdirTemp("", "mutant")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(directory)
	source, err := os.ReadFile(m.place.Filename)
	if err != nil {
		return 0, err
	}
	changed := filepath.Join(directory, "mutant.go")
	text := string(source[:m.place.Offset]) + m.replacement + string(source[m.place.Offset+m.length:])
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {m.place.Filename: changed}})
	if err != nil {
		return 0, err
	}
	overlayFile := filepath.Join(directory, "overlay.json")
	if err := errors.Join(os.WriteFile(changed, []byte(text), 0o600), os.WriteFile(overlayFile, overlay, 0o600)); err != nil {
		return 0, err
	}
	for _, packages := range [][]string{{m.pkg}, program} {
		out, err := test(packages, "-overlay="+overlayFile)
		switch {
		case bytes.Contains(out, []byte("[build failed]")):
			return doesNotBuild, nil
		case bytes.Contains(out, []byte("panic: test timed out")):
			fmt.Println("timed out:", m) // counts as killed; on a busy machine, look whether it would end
			return isKilled, nil
		case err != nil:
			return isKilled, nil
		}
	}
	return survived, nil
}
