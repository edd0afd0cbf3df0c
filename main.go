// Ipvsadm administers IPVS, the layer-4 load balancer of the Linux kernel. It takes the command line of the original
// ipvsadm, and stands in for ipvsadm-save and ipvsadm-restore when it is called by their names.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"ipvsadm/command"
	"ipvsadm/format"
	"ipvsadm/ipvs"
	"ipvsadm/ipvs/netns"
	"ipvsadm/names"
	"ipvsadm/restore"
	"ipvsadm/save"
)

// version is set by the linker.
var version = "unknown"

// The exit statuses, which are the original's.
const (
	statusListing     = 1   // a listing or a save failed
	statusUnavailable = 2   // there is no IPVS to talk to
	statusRefused     = 255 // the kernel refused
)

// enoughMemory is what the heap may grow to, in bytes, before it is worth while to look for what can be used again. Most
// commands end sooner.
const enoughMemory = 128 << 20

func main() {
	debug.SetGCPercent(800)
	debug.SetMemoryLimit(enoughMemory)
	p := program{
		stdin:    os.Stdin,
		stdout:   bufio.NewWriterSize(os.Stdout, 64<<10),
		stderr:   os.Stderr,
		resolver: names.NewResolver(),
	}
	err := p.run(context.Background(), os.Args)
	if flushErr := p.stdout.Flush(); err == nil && flushErr != nil {
		err = failure{fmt.Errorf("standard output: %w", flushErr), statusListing}
	}
	os.Exit(p.report(err))
}

type program struct {
	stdin    io.Reader
	stdout   *bufio.Writer
	stderr   io.Writer
	resolver *names.Resolver
	name     string       // the first word of the command line
	client   *ipvs.Client // nil until connect
	info     ipvs.Info    // of the kernel, from connect on
}

// failure is an error with the exit status that the original has for it.
type failure struct {
	error
	status int
}

func (f failure) Unwrap() error { return f.error }

func (p *program) run(ctx context.Context, words []string) error {
	p.name = words[0]
	if len(words) > 2 && words[1] == completeVerb {
		return p.complete(ctx, words[2:])
	}
	namespace, words, err := command.CutNamespace(words)
	if err != nil {
		return err
	}
	if namespace != "" {
		return failure{netns.Exec(namespace, words), statusUnavailable}
	}
	switch base := filepath.Base(p.name); {
	case base == "ipvsadm-save" || base == "ipvsadm-restore":
		verb := strings.TrimPrefix(base, "ipvsadm-")
		return p.verbs().RunContext(ctx, append([]string{p.name, verb}, words[1:]...))
	case len(words) > 1 && (words[1] == "save" || words[1] == "restore"):
		return p.verbs().RunContext(ctx, words)
	default:
		return p.classic(ctx, words[1:])
	}
}

// report says on standard error what went wrong and returns the exit status.
func (p *program) report(err error) int {
	if err == nil {
		return 0
	}
	status := statusRefused
	var f failure
	var wrong *command.Error
	switch {
	case errors.As(err, &f):
		status = f.status
	case errors.As(err, &wrong):
		status = wrong.Status
	}
	for line := range strings.SplitSeq(text(err), "\n") {
		fmt.Fprintln(p.stderr, command.Printable(line)) // a file's name, a word of a file
	}
	if wrong != nil && wrong.Hint != "" {
		fmt.Fprintln(p.stderr, "hint: "+wrong.Hint)
	}
	return status
}

// text returns the words of the original for an error, where it has some.
func text(err error) string {
	var batch *ipvs.BatchError
	if errors.As(err, &batch) && len(batch.Failures) == 1 {
		return batch.Failures[0].Err.Reason()
	}
	var refused *ipvs.Error
	if e, ok := err.(failure); ok && errors.As(e.error, &refused) {
		return refused.Reason()
	}
	return err.Error()
}

// classic carries out a command line of the original's grammar.
func (p *program) classic(ctx context.Context, words []string) error {
	c, wrong := command.Parse(p.name, words, p.lookup(ctx))
	if wrong == nil && (c.Verb == command.Help || c.Verb == command.Version) {
		return p.carryOut(ctx, c)
	}
	if err := p.connect(ctx); err != nil {
		return err
	}
	defer p.client.Close()
	if wrong != nil {
		return wrong
	}
	return p.carryOut(ctx, c)
}

func (p *program) lookup(ctx context.Context) command.Lookup {
	return command.Lookup{
		Host: func(name string) (netip.Addr, error) { return p.resolver.LookupHost(ctx, name) },
		Port: p.resolver.ServicePort,
	}
}

// connect opens the way to the kernel, loading the module if need be, and finds out whether we may go it.
func (p *program) connect(ctx context.Context) error {
	client, err := ipvs.Dial()
	if errors.Is(err, fs.ErrNotExist) {
		if os.Geteuid() != 0 {
			return unavailable(syscall.EPERM)
		}
		var modprobe *exec.ExitError
		if errors.As(ipvs.LoadModule(ctx), &modprobe) {
			p.stderr.Write(modprobe.Stderr)
		}
		client, err = ipvs.Dial()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return unavailable(syscall.ENOPROTOOPT)
	}
	if err != nil {
		return unavailable(err)
	}
	if p.info, err = client.Info(ctx); err != nil {
		client.Close()
		return unavailable(err)
	}
	p.client = client
	return nil
}

func unavailable(err error) error {
	var refused *ipvs.Error
	if !errors.As(err, &refused) {
		refused = &ipvs.Error{Err: err}
	}
	//lint:ignore ST1005 the words are the original's
	return failure{fmt.Errorf("Can't initialize ipvs: %s\nAre you sure that IP Virtual Server is built in the kernel or as module?",
		refused.Reason()), statusUnavailable}
}

// carryOut does what a command says, with the kernel if it needs it.
func (p *program) carryOut(ctx context.Context, c command.Command) error {
	switch c.Verb {
	case command.Help:
		return command.WriteHelp(p.stdout, p.name)
	case command.Version:
		_, err := fmt.Fprintf(p.stdout, "ipvsadm %s (commands and tables of ipvsadm 1.31)\n", version)
		return err
	case command.List:
		return listing(p.list(ctx, c))
	case command.Save:
		return listing(p.save(ctx, p.stdout, c.Listing.Numeric))
	case command.Restore:
		lines, err := restore.Read(ctx, p.stdin, "stdin", p.resolver)
		if err != nil {
			return err
		}
		return restore.InOrder(ctx, p.client, "stdin", lines, p.runLine(ctx))
	default:
		change, _ := c.Change()
		return p.client.Apply(ctx, change)
	}
}

// runLine carries out a command of a file.
func (p *program) runLine(ctx context.Context) func(command.Command) error {
	return func(c command.Command) error { return p.carryOut(ctx, c) }
}

func listing(err error) error {
	if err != nil {
		return failure{err, statusListing}
	}
	return nil
}

func (p *program) list(ctx context.Context, c command.Command) error {
	listing := p.listingOf(c)
	switch {
	case c.Listing.Connections:
		err := listing.Connections(ctx, p.stdout, ipvs.Connections())
		var path *fs.PathError
		if errors.As(err, &path) && path.Op == "open" {
			return errors.New("cannot open file /proc/net/ip_vs_conn") // the original's words, for any reason
		}
		return err
	case c.Listing.Timeouts:
		timeouts, err := p.client.Timeouts(ctx)
		if err != nil {
			return err
		}
		return listing.Timeouts(p.stdout, timeouts)
	case c.Listing.Daemons:
		daemons, err := p.client.Daemons(ctx)
		if err != nil {
			return err
		}
		return listing.Daemons(p.stdout, daemons)
	}
	p.client.WithoutCounters = !c.Listing.Stats && !c.Listing.Rate && c.Listing.Format != command.JSON
	entries, err := p.entries(ctx, c)
	if err != nil {
		return err
	}
	if !c.Listing.NoSort {
		entries = ipvs.SortDestinations(entries)
	}
	return listing.Table(ctx, p.stdout, p.info, entries)
}

// entries returns the service that a listing is of, or all.
func (p *program) entries(ctx context.Context, c command.Command) (iter.Seq2[ipvs.Entry, error], error) {
	switch {
	case c.OneService():
		entry, err := p.client.Entry(ctx, c.Service.ServiceID)
		return ipvs.Each(entry), err
	case c.Listing.NoSort:
		return p.client.Entries(ctx, nil)
	default:
		return p.client.Entries(ctx, ipvs.SortServices)
	}
}

// listingOf returns the way in which a listing is to be written.
func (p *program) listingOf(c command.Command) format.Listing {
	l := c.Listing
	var resolver *names.Resolver
	if !l.Numeric {
		resolver = p.resolver
	}
	switch l.Format {
	case command.JSON:
		return &format.JSON{Names: resolver}
	case command.Aligned:
		return &format.Aligned{
			Totals:     l.Stats,
			Rates:      l.Rate,
			Exact:      l.Exact,
			EngineData: l.PersistentConnections,
			Colour:     colour(),
			Names:      resolver,
		}
	default:
		return &format.Classic{
			Services:   format.Table{Columns: columns(l), Exact: l.Exact, Names: resolver},
			OneService: c.OneService(),
			EngineData: l.PersistentConnections,
		}
	}
}

// columns returns the columns that are asked for, the first of them if there are several.
func columns(l command.Listing) format.Columns {
	switch {
	case l.Stats:
		return format.Totals
	case l.Rate:
		return format.Rates
	case l.Thresholds:
		return format.Thresholds
	case l.PersistentConnections:
		return format.PersistentConnections
	case l.TunnelInfo:
		return format.TunnelInfo
	default:
		return format.Summary
	}
}

// colour tells whether standard output is a terminal, to somebody who has not asked for no colours (no-color.org).
func colour() bool {
	info, err := os.Stdout.Stat()
	return err == nil && info.Mode()&fs.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

func (p *program) save(ctx context.Context, w io.Writer, numeric bool) error {
	if w == io.Writer(p.stdout) && save.Closed(os.Stdout) {
		return errors.New("standard output is closed")
	}
	p.client.WithoutCounters = true
	entries, err := p.client.Entries(ctx, ipvs.SortServices)
	if err != nil {
		return err
	}
	resolver := p.resolver
	if numeric {
		resolver = nil
	}
	return save.Write(ctx, w, ipvs.SortDestinations(entries), resolver)
}

// completeVerb is how the shells' completions (init/) ask what may come next on a command line. The words after it are
// those before the cursor, the last of them what there is of the word at the cursor, be it empty.
const completeVerb = "__complete"

// complete prints candidates, each with a tab and what it is, and command.Files where a file may come. What it cannot find
// out, for one because the user is not root, it does without.
func (p *program) complete(ctx context.Context, words []string) error {
	before, current := words[:len(words)-1], words[len(words)-1]
	if namespace, rest, err := command.CutNamespace(before); err == nil && namespace != "" {
		_ = netns.Exec(namespace, slices.Concat([]string{p.name, completeVerb}, rest, []string{current}))
		before = rest
	}
	if verb, ok := strings.CutPrefix(filepath.Base(p.name), "ipvsadm-"); ok {
		before = slices.Insert(slices.Clone(before), 0, verb)
	}
	var verb *cli.Command
	if len(before) > 0 {
		verb = p.verbs().Command(before[0])
	}
	if verb == nil {
		return p.completeClassic(ctx, before, current)
	}
	if last := before[len(before)-1]; last == "-f" || last == "--file" {
		_, err := fmt.Fprintln(p.stdout, command.Files)
		return err
	}
	for _, flag := range verb.Flags {
		long, usage := "--"+flag.Names()[0], flag.(cli.DocGenerationFlag).GetUsage()
		if strings.HasPrefix(long, current) {
			fmt.Fprintf(p.stdout, "%s\t%s\n", long, strings.ReplaceAll(usage, "`", ""))
		}
	}
	return nil
}

func (p *program) completeClassic(ctx context.Context, before []string, current string) error {
	if len(before) == 0 {
		for _, verb := range p.verbs().Commands {
			if strings.HasPrefix(verb.Name, current) {
				fmt.Fprintf(p.stdout, "%s\t%s\n", verb.Name, verb.Usage)
			}
		}
	}
	table := func() []ipvs.Entry { return currentTable(ctx) }
	for _, c := range command.Complete(before, current, table, p.resolver.ServicePort) {
		fmt.Fprintf(p.stdout, "%s\t%s\n", c.Word, c.Help)
	}
	return nil
}

// currentTable returns the services in the kernel, and none if it does not tell.
func currentTable(ctx context.Context) []ipvs.Entry {
	client, err := ipvs.Dial()
	if err != nil {
		return nil
	}
	defer client.Close()
	entries, _ := client.Table(ctx)
	ipvs.SortTable(entries)
	return entries
}

// verbs is the command line of "ipvsadm save" and "ipvsadm restore", which are ipvsadm-save and ipvsadm-restore.
func (p *program) verbs() *cli.App {
	usageError := func(c *cli.Context, err error, _ bool) error {
		return failure{fmt.Errorf("%w\nTry `%s --help' for more information", err, c.Command.HelpName), 1}
	}
	return &cli.App{
		Name:           "ipvsadm",
		Usage:          "save and restore the IPVS table",
		Writer:         p.stdout,
		ErrWriter:      p.stderr,
		HideVersion:    true,
		OnUsageError:   usageError,
		ExitErrHandler: func(*cli.Context, error) {},
		Commands: []*cli.Command{{
			Name:         "save",
			Usage:        "print the table as the commands that make it",
			OnUsageError: usageError,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "numeric", Aliases: []string{"n"}, Usage: "addresses and ports as numbers"},
				&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "write to `FILE`, whole or not at all"},
			},
			Action: p.saveVerb,
		}, {
			Name:         "restore",
			Usage:        "bring the table to what saved commands describe",
			OnUsageError: usageError,
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "read `FILE` instead of standard input"},
				&cli.BoolFlag{Name: "dry-run", Usage: "print the commands that would be sent, and send none"},
				&cli.BoolFlag{Name: "test", Usage: "read the commands, and do nothing"},
				&cli.BoolFlag{Name: "noflush", Usage: "keep what the commands do not name"},
			},
			Action: p.restoreVerb,
		}},
	}
}

func noWords(c *cli.Context) error {
	if c.Args().Present() {
		return failure{fmt.Errorf("unexpected argument %s", c.Args().First()), 1}
	}
	return nil
}

func (p *program) saveVerb(c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	if err := p.connect(c.Context); err != nil {
		return err
	}
	defer p.client.Close()
	path, numeric := c.String("file"), c.Bool("numeric")
	if path == "" {
		return listing(p.save(c.Context, p.stdout, numeric))
	}
	return listing(save.File(path, func(w io.Writer) error { return p.save(c.Context, w, numeric) }))
}

func (p *program) restoreVerb(c *cli.Context) error {
	if err := noWords(c); err != nil {
		return err
	}
	lines, err := p.readFile(c.Context, c.String("file"))
	if err != nil {
		return err
	}
	if c.Bool("test") {
		if !c.Bool("noflush") { // then no kernel need be asked whether the lines go together
			_, err = restore.NewPlan(source(c.String("file")), lines, ipvs.Each(), restore.Options{})
		}
		return err
	}
	if err := p.connect(c.Context); err != nil {
		return err
	}
	defer p.client.Close()
	if !c.Bool("dry-run") {
		lock, err := restore.Lock(restore.LockFile)
		if err != nil {
			return err
		}
		defer lock.Close()
	}
	p.client.WithoutCounters = true
	current, err := p.client.Entries(c.Context, nil)
	if err != nil {
		return err
	}
	plan, err := restore.NewPlan(source(c.String("file")), lines, current, restore.Options{Keep: c.Bool("noflush")})
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		_, err := p.stdout.Write(plan.AppendRules(nil))
		return err
	}
	// Whoever interrupts it finds the table as it was, and so does whoever closes the pipe that its listings go to.
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	signal.Ignore(syscall.SIGPIPE)
	return plan.Carry(ctx, p.client, p.runLine(ctx))
}

func (p *program) readFile(ctx context.Context, path string) ([]restore.Line, error) {
	if path == "" {
		return restore.Read(ctx, p.stdin, source(path), p.resolver)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return restore.Read(ctx, file, source(path), p.resolver)
}

// source names a file in error messages.
func source(path string) string {
	if path == "" {
		return "stdin"
	}
	return path
}
