package dev.backstep.api;

import dev.backstep.catalog.PageRequest;
import dev.backstep.catalog.Repositories;
import dev.backstep.catalog.RepositoryRow;
import dev.backstep.domain.RepositoryId;
import dev.backstep.job.BackupDocument;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;

/** The folders that backups went to. */
@RestController
@RequestMapping("/api/v1/repositories")
class RepositoryController {

  private final Repositories repositories;

  RepositoryController(Repositories repositories) {
    this.repositories = repositories;
  }

  @GetMapping
  Map<String, @Nullable Object> list(
      @RequestParam(name = "limit", defaultValue = "100") int limit,
      @RequestParam(name = "after", required = false) @Nullable String after) {
    PageRequest request = Paging.request(limit, after);
    return Paging.answer(
        "repositories", Paging.page(request, repositories::page), RepositoryController::fields);
  }

  /** Only here is the folder looked at: one on a server that hangs delays no list. */
  @GetMapping("/{id}")
  Map<String, @Nullable Object> show(@PathVariable String id) {
    RepositoryRow row =
        repositories
            .row(new RepositoryId(id))
            .orElseThrow(() ->
                new Problem(
                    HttpStatus.NOT_FOUND,
                    "no repository with the id '"
                        + id
                        + "'; GET /api/v1/repositories tells which there are"));
    Map<String, @Nullable Object> fields = fields(row);
    try {
      FileStore store = Files.getFileStore(Path.of(row.path()));
      fields.put("reachable", true);
      fields.put("bytes_free", store.getUsableSpace());
      fields.put("bytes_total", store.getTotalSpace());
      fields.put("problem", null);
    } catch (IOException e) {
      fields.put("reachable", false);
      fields.put("bytes_free", null);
      fields.put("bytes_total", null);
      fields.put("problem", "this server cannot reach the folder: " + e);
    }
    return fields;
  }

  private static Map<String, @Nullable Object> fields(RepositoryRow row) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put("repository_id", row.id().value());
    fields.put("path", row.path());
    fields.put("known_since", BackupDocument.time(row.knownSince()));
    return fields;
  }
}
