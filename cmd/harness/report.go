package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/benchharness/harness/internal/report"
	"github.com/benchharness/harness/internal/result"
	"github.com/benchharness/harness/internal/store"
)

type reportOptions struct {
	formats []string
	dir     string
	clocks  bool
}

func newReport(a *app) *cobra.Command {
	o := &reportOptions{}
	cmd := &cobra.Command{
		Use:   "report [RUN]",
		Short: "Make reports from a run document (default run.json)",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("harness report takes one run document, got %d", len(args))
			}
			path := "run.json"
			if len(args) == 1 {
				path = args[0]
			}
			return o.run(a, path)
		},
	}
	cmd.Flags().StringSliceVar(&o.formats, "format", []string{"text"}, "`FORMATS` with commas: text, json, html, markdown")
	cmd.Flags().StringVar(&o.dir, "dir", "", "`FOLDER` to write report files to; without it one format goes to stdout")
	cmd.Flags().BoolVar(&o.clocks, "clocks", false, "say what the four clocks and validity mean, and show all there is of the clocks, in the text report")
	return cmd
}

func (o *reportOptions) run(a *app, path string) error {
	if err := checkFormats(o.formats); err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return usage("%s is a folder; name the run document in it", path)
	}
	run, err := readAny(path)
	if err != nil {
		return err
	}
	if o.dir == "" {
		if len(o.formats) > 1 {
			return usage("several formats need --dir, the folder to write them to")
		}
		if o.formats[0] == "text" {
			return printText(a, run, o.clocks)
		}
		return render(a.stdout, run, o.formats[0], false)
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return usage("the report folder %s cannot be made: %w; name another with --dir", o.dir, err)
	}
	files, err := writeReports(run, o.formats, filepath.Join(o.dir, reportName))
	for _, f := range files {
		fmt.Fprintln(a.stdout, f)
	}
	return err
}

func checkFormats(formats []string) error {
	if len(formats) == 0 {
		return usage("no report format is named; formats are text, json, html, markdown")
	}
	for _, f := range formats {
		if _, ok := extensions[f]; !ok {
			return usage("unknown report format %q%s; formats are text, json, html, markdown", f, suggest(f, formatNames))
		}
	}
	return nil
}

// reportName is the base name of report files.
const reportName = "report"

// extensions are the endings of report files by format.
var extensions = map[string]string{"text": ".txt", "json": ".json", "html": ".html", "markdown": ".md"}

var formatNames = []string{"text", "json", "html", "markdown"}

// writeReports writes one file per format and returns their paths. JSON is the
// run document, which is written anyway.
func writeReports(run *result.Run, formats []string, base string) ([]string, error) {
	var files []string
	for _, format := range formats {
		path := base + extensions[format]
		err := store.WriteFile(path, 0o644, func(w io.Writer) error { return render(w, run, format, false) })
		if err != nil {
			return files, fmt.Errorf("write the %s report: %w", format, err)
		}
		files = append(files, path)
	}
	return files, nil
}

func render(w io.Writer, run *result.Run, format string, clocks bool) error {
	switch format {
	case "json":
		return report.JSON(w, run)
	case "html":
		return report.HTML(w, run)
	case "markdown":
		return report.Markdown(w, run)
	default:
		return report.Text(w, run, report.TextOptions{Clocks: clocks})
	}
}

// printText prints the text report.
func printText(a *app, run *result.Run, clocks bool) error {
	return report.Text(a.stdout, run, textOptions(a, clocks))
}

// textOptions are for stdout: coloured on a terminal that wants it, and as wide.
func textOptions(a *app, clocks bool) report.TextOptions {
	o := report.TextOptions{Clocks: clocks}
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		o.Color = os.Getenv("NO_COLOR") == "" && !dumb()
		if w, _, err := term.GetSize(int(f.Fd())); err == nil {
			o.Width = w
		}
	}
	return o
}
