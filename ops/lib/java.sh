# Sourced: finds a JDK. No process is started for it, so that it costs next to nothing.

# Sets java_home to a JDK of release 25 or newer, and java_release to its exact release; else returns 1.
find_java() {
  local candidate on_path=""
  if on_path=$(command -v java 2>/dev/null) && [[ -L $on_path ]]; then
    on_path=$(readlink -f "$on_path")
  fi
  for candidate in "${JAVA_HOME:-}" "${JAVA25_HOME:-}" /usr/lib/jvm/* /usr/java/* /opt/java /opt/jdk* /opt/*jdk* \
    /usr/local/lib/jvm/* "${HOME:-/nonexistent}"/.sdkman/candidates/java/* "${HOME:-/nonexistent}"/.jdks/* "${on_path%/bin/java}"; do
    if is_java_25 "$candidate"; then
      java_home=$candidate
      return 0
    fi
  done
  return 1
}

is_java_25() {
  [[ -n $1 && -x $1/bin/java && -x $1/bin/javac && -r $1/release ]] || return 1
  local line
  while IFS= read -r line; do
    if [[ $line =~ ^JAVA_VERSION=\"([0-9]+)([^\"]*)\" ]]; then
      java_release=${BASH_REMATCH[1]}${BASH_REMATCH[2]}
      ((BASH_REMATCH[1] >= 25))
      return
    fi
  done <"$1/release"
  return 1
}

say_java_is_missing() {
  cat >&2 <<'TEXT'
backstep: no JDK 25 or newer found (looked at JAVA_HOME, JAVA25_HOME, the system's JVM folder, /opt, SDKMAN, PATH).
  Debian 12 has none in its archive. Where your archive has it: apt-get install openjdk-25-jdk-headless
  Else install any JDK 25, such as Eclipse Temurin's (Debian package temurin-25-jdk from Adoptium's archive),
  or unpack one anywhere and set JAVA_HOME to its folder.
TEXT
}
