// Package report renders a run document, and the comparison of two: as aligned
// text, as JSON, as markdown to send on, and as one self-contained HTML page.
//
// Every renderer works from the document alone, so a report can be made again
// later and elsewhere. They share one view of each document, in which numbers
// have become text with units and every name is printable; a renderer only
// lays it out and escapes it for its format. The package measures and judges
// nothing.
package report
