package dev.backstep.api;

import java.util.Arrays;
import java.util.List;

/** What a token may do; each role may do what those before it may. */
enum Role {
  /** Looks. */
  VIEWER,
  /** Starts, stops, relaunches. */
  OPERATOR,
  /** Makes and revokes tokens, deletes. */
  ADMIN;

  /** The authorities that the role gives. */
  List<String> authorities() {
    return Arrays.stream(values())
        .filter(role -> role.ordinal() <= ordinal())
        .map(role -> "ROLE_" + role.name())
        .toList();
  }
}
