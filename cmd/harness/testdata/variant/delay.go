package main

import "time"

const delay = 10 * time.Millisecond
