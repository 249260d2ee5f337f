// Package ci is what the bot on a pull request does: it reads the documents
// that a comparison left behind, decides which of them can be believed, judges
// again what cannot, and finds the pull request that they are about.
//
// What the bot says is ci/body's, how it is brought to GitHub is ci/hub's, and
// what a job knows of itself is ci/actions'. The package knows neither flags
// nor the config file: policies come in as functions.
package ci
