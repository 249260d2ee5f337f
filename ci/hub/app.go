package hub

// App is a GitHub App that acts as one of its installations.
type App struct {
	ID int64
	// Installation is looked up for the repository where it is 0.
	Installation int64
	// Key is the private key, PEM.
	Key []byte
	// Repo is the repository to look the installation up for.
	Repo Repo
}
