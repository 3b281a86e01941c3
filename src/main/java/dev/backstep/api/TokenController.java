package dev.backstep.api;

import dev.backstep.catalog.ApiTokens;
import dev.backstep.job.BackupDocument;
import jakarta.servlet.http.HttpServletRequest;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** Tokens: made, listed without their secrets, revoked. */
@RestController
@RequestMapping("/api/v1/tokens")
class TokenController {

  private final ApiTokens tokens;

  TokenController(ApiTokens tokens) {
    this.tokens = tokens;
  }

  /** Answers the secret, this once. */
  @PostMapping
  ResponseEntity<Map<String, @Nullable Object>> add(HttpServletRequest request) throws IOException {
    RequestBody body = RequestBody.read(request, Set.of("name", "role"));
    String name = body.text("name");
    Role role = role(body.text("role"));
    try {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      fields.put("name", name);
      fields.put("role", word(role.name()));
      fields.put("token", tokens.add(name, role.name()));
      return ResponseEntity.status(HttpStatus.CREATED).body(fields);
    } catch (IllegalArgumentException e) {
      throw new Problem(HttpStatus.CONFLICT, String.valueOf(e.getMessage()));
    }
  }

  private static Role role(String word) {
    for (Role role : Role.values()) {
      if (word(role.name()).equals(word)) {
        return role;
      }
    }
    throw new Problem(
        HttpStatus.BAD_REQUEST, "'role' is '" + word + "', accepted: viewer, operator, admin");
  }

  private static String word(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    return Paging.answer(
        "tokens",
        Paging.page(Paging.request(limit, after), tokens::page),
        token -> {
          Map<String, @Nullable Object> fields = new LinkedHashMap<>();
          fields.put("name", token.name());
          fields.put("role", word(token.role()));
          fields.put("created_at", BackupDocument.time(token.createdAt()));
          fields.put("revoked_at", token.revokedAt().map(BackupDocument::time).orElse(null));
          return fields;
        });
  }

  @DeleteMapping("/{name}")
  ResponseEntity<Void> revoke(@PathVariable String name) {
    if (!tokens.revoke(name)) {
      throw new Problem(HttpStatus.NOT_FOUND, "no token '" + name + "' that works");
    }
    return ResponseEntity.noContent().build();
  }
}
