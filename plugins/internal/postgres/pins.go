package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchedVersion is the version whose archives are pinned. They hold initdb,
// pg_ctl and postgres, with libraries and share files, and no clients.
const fetchedVersion = "17.5.0"

// archive is one file of the repository that embedded-postgres reads.
type archive struct {
	platform string // as the repository writes it
	sha256   string
	size     int64 // bytes
}

// pinned are the archives this version of harness accepts, by the names that
// the repository gives the platforms. The digests are of the files as published.
var pinned = []archive{
	{"linux-amd64", "646f3269075d1a23904127374e3cdbcef96beb32979fedee25d835877400fcbe", 14873955},
	{"linux-arm64v8", "e02f27ff50ff2d90b6541d54f3f108505aacd84ea53c2890e976a684bfea2752", 13868789},
	{"linux-amd64-alpine", "7122386c7f7a089568f05720ada63448093d4065abbc0a89e6dc660851a53e3c", 14221621},
	{"darwin-amd64", "fb70f783928e77c3d6ef5ca8ed644f1ac502f740fcfc032a375c8347820f2bdd", 30411500},
	{"darwin-arm64v8", "e9d3398e10c2ec926395498b03e75ad1a24eeaed82895e756a7e173b202cf6de", 30398732},
}

// platform is this machine in the repository's words.
func platform() string {
	name := runtime.GOOS + "-" + runtime.GOARCH
	if runtime.GOARCH == "arm64" {
		name += "v8"
	}
	if runtime.GOOS == "linux" && usesMusl() {
		name += "-alpine"
	}
	return name
}

func usesMusl() bool {
	glibc, _ := filepath.Glob("/lib*/ld-linux-*.so*")
	musl, _ := filepath.Glob("/lib/ld-musl-*.so.1")
	return len(glibc) == 0 && len(musl) > 0
}

func pinnedFor(platform string) (archive, error) {
	for _, a := range pinned {
		if a.platform == platform {
			return a, nil
		}
	}
	return archive{}, fmt.Errorf("no archive is pinned for %s", platform)
}

// file is the archive's name in the repository and in the cache.
func (a archive) file() string {
	return fmt.Sprintf("embedded-postgres-binaries-%s-%s.jar", a.platform, fetchedVersion)
}

// url is where a repository of the Maven layout keeps the archive.
func (a archive) url(repository string) string {
	return fmt.Sprintf("%s/io/zonky/test/postgres/embedded-postgres-binaries-%s/%s/%s",
		repository, a.platform, fetchedVersion, a.file())
}

// EnvRepository names the environment variable that replaces the repository,
// for a network that only reaches a mirror. What comes from there is held
// against the same digests.
const EnvRepository = "HARNESS_POSTGRES_REPOSITORY"

// defaultRepository is the environment's repository, else the one that
// embedded-postgres comes with. Its fetching is not used: it believes a
// checksum from the server that sent the archive, and cannot be cancelled. The
// library offers the address to its own code only, so it is read by reflection;
// a test notices when an upgrade moves it.
func defaultRepository() string {
	if mirror := os.Getenv(EnvRepository); mirror != "" {
		return mirror
	}
	field := reflect.ValueOf(embeddedpostgres.DefaultConfig()).FieldByName("binaryRepositoryURL")
	if field.Kind() != reflect.String {
		return ""
	}
	return field.String()
}
