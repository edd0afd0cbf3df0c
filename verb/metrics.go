package verb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/urfave/cli/v2"

	"ipvsadm/check"
	"ipvsadm/check/system"
	"ipvsadm/command"
	"ipvsadm/drain"
	"ipvsadm/format"
	"ipvsadm/ipvs"
	"ipvsadm/save"
)

func (a *app) metricsVerb() *cli.Command {
	return &cli.Command{
		Name:  "metrics",
		Usage: "print counters and states for a monitoring system, as OpenMetrics",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "level", Usage: "the smallest thing with metrics of its own: `service|server`", DefaultText: "server"},
			&cli.IntFlag{Name: "max-series", Value: 5000, Usage: "fail if services and servers have more than `NUMBER` values"},
			&cli.StringFlag{Name: "compat", Usage: "use the names and labels of node_exporter's collector: `node`"},
			&cli.BoolFlag{Name: "strict", Usage: "name counters as a strict parser of OpenMetrics wants them", DisableDefaultText: true},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, TakesFile: true, Usage: "replace `FILE`, whole or not at all", Action: notEmpty("output")},
		},
		Action: a.metrics,
	}
}

func (a *app) metrics(c *cli.Context) error {
	level, err := oneOf(c, "level", "server", "service")
	if err != nil {
		return failed(err)
	}
	compat, err := oneOf(c, "compat", "", "node")
	if err != nil {
		return failed(err)
	}
	k, err := a.connect(c.Context)
	if err != nil {
		return err
	}
	defer k.Close()
	m := &format.Metrics{Program: a.version, Info: k.info, Servers: level == "server", Strict: c.Bool("strict")}
	write := func(w io.Writer) error {
		if err := readSeries(c.Context, k, m, c.Int("max-series")); err != nil {
			return err
		}
		if compat == "node" {
			totals, err := ipvs.Totals()
			if err != nil {
				return err
			}
			return m.WriteNode(w, totals)
		}
		if err := readState(c.Context, k, m); err != nil {
			return err
		}
		return m.Write(w)
	}
	if path := c.String("output"); path != "" {
		return failed(save.PublicFile(path, write))
	}
	return failed(write(a.stdout))
}

// readSeries reads the services and servers. It fails if they have more values than the limit.
func readSeries(ctx context.Context, k *kernel, m *format.Metrics, limit int) error {
	entries, err := readSorted(ctx, k.Client, byAddress)
	if err != nil {
		return err
	}
	if m.Entries, err = ipvs.Gather(entries); err != nil {
		return err
	}
	if series := m.Series(); series > limit {
		return &command.Hinted{
			Err:   fmt.Errorf("the services and servers have %d values, more than --max-series %d", series, limit),
			Hints: []string{"so many can overload a monitoring system: use --level service, or a larger --max-series"},
		}
	}
	return nil
}

// readState reads what concerns no service.
func readState(ctx context.Context, k *kernel, m *format.Metrics) (err error) {
	if m.Timeouts, err = k.Timeouts(ctx); err != nil {
		return err
	}
	if m.Daemons, err = k.Daemons(ctx); err != nil {
		return err
	}
	records, err := drain.Read()
	if err != nil {
		return err
	}
	m.Drains = uint64(len(drain.InForce(records, m.Entries)))
	m.Findings = make(map[string]uint64)
	for _, severity := range check.Severities() {
		m.Findings[string(severity)] = 0
	}
	for _, finding := range check.Quick(m.Entries, m.Daemons, system.Settings()) {
		m.Findings[string(finding.Severity)]++
	}
	m.Connections, err = countConnections()
	return err
}

// countConnections counts the connection table by protocol and state.
func countConnections() (map[format.ConnectionKind]uint64, error) {
	counts := make(map[format.ConnectionKind]uint64)
	for connection, err := range ipvs.Connections() {
		var malformed *ipvs.LineError
		switch {
		case errors.As(err, &malformed):
			continue
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil // a kernel without /proc/net/ip_vs_conn
		case err != nil:
			return nil, err
		}
		counts[format.ConnectionKind{Protocol: connection.Protocol, State: connection.State}]++
	}
	return counts, nil
}
