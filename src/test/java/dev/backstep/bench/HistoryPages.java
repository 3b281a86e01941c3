package dev.backstep.bench;

import static dev.backstep.api.ServerProcess.json;

import dev.backstep.api.ServerProcess;
import dev.backstep.catalog.BulkHistory;
import dev.backstep.catalog.HistoryQueries.Query;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The lists of a server's REST API, page after page, and what it shows of one thing after another.
 */
public final class HistoryPages {

  private static final int LIMIT = 100;
  private static final String API = "/api/v1/";

  private static final String[] LISTS = {
    "backups",
    "backups?vm_name=" + BulkHistory.BUSY_VM,
    "executions",
    "executions/running",
    "executions/failed",
    "executions/stuck",
    "executions/longest",
    "executions/throughput",
    "executions/throughput?vm_name=" + BulkHistory.BUSY_VM,
    "executions/lineage?vm_name=" + BulkHistory.BUSY_VM + "&disk_id=1",
    "executions/stale",
    "executions/fulls",
    "verifications",
    "verifications/" + BulkHistory.OF_ALL + "/images",
    "verifications/" + BulkHistory.OF_ALL + "/findings",
    "plans",
    "replications",
    "replications/targets",
    "tasks",
    "tasks?kind=verify",
    "vms",
    "repositories",
    "schedules/fires",
    "schedules/missed",
    "tokens",
    "audit",
  };

  /** List, what names one of its rows, and where more is told of it. */
  private static final String[][] DETAILS = {
    {"backups", "backup_id", "backups/%s"},
    {"backups", "backup_id", "executions?backup_id=%s"},
    {"backups", "vm_name", "backups/changeid?vm_name=%s&disk_id=1"},
    {"executions", "execution_id", "executions/%s"},
    {"verifications", "task_id", "verifications/%s"},
    {"verifications", "task_id", "verifications/%s/images"},
    {"verifications", "task_id", "verifications/%s/findings"},
    {"plans", "plan_id", "plans/%s"},
    {"replications", "job_id", "replications/%s"},
    {"replications/targets", "vm_path", "replications/changeid?vm_path=%s&disk_id=disk-1"},
    {"tasks", "task_id", "tasks/%s"},
    {"repositories", "repository_id", "repositories/%s"},
  };

  private HistoryPages() {}

  /** Which paths are asked, something in the place of each id, without their queries. */
  public static List<String> paths() {
    return Stream.concat(
            Stream.of(LISTS), Stream.of(DETAILS).map(detail -> detail[2].replace("%s", "ID")))
        .map(path -> API + path.replaceAll("\\?.*", ""))
        .toList();
  }

  /** By what is asked; each answer must be one of success. */
  static Map<String, Query> of(ServerProcess server) {
    Map<String, Query> questions = new LinkedHashMap<>();
    for (String list : LISTS) {
      Pages pages = new Pages(server, list);
      questions.put("`GET " + API + list + "`", round -> pages.ask());
    }
    for (String[] detail : DETAILS) {
      List<String> ids = ids(server, detail[0], detail[1]);
      questions.put(
          "`GET " + API + detail[2].formatted("ID") + "`",
          round -> answer(server, detail[2].formatted(ids.get(round % ids.size()))));
    }
    return questions;
  }

  private static List<String> ids(ServerProcess server, String list, String field) {
    List<String> ids = new ArrayList<>();
    for (JsonNode row : rows(json(answer(server, list + "?limit=" + LIMIT), 200))) {
      ids.add(encoded(row.get(field).asString()));
    }
    return ids;
  }

  private static JsonNode rows(JsonNode page) {
    for (JsonNode field : page) {
      if (field.isArray()) {
        return field;
      }
    }
    throw new IllegalStateException("no list in " + page);
  }

  private static HttpResponse<String> answer(ServerProcess server, String path) {
    HttpResponse<String> answer = server.get(API + path);
    if (answer.statusCode() != 200) {
      throw new IllegalStateException(path + ": " + answer.body());
    }
    return answer;
  }

  private static String encoded(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8);
  }

  /** One list, asked for the page behind the one before, then from its beginning again. */
  private static final class Pages {

    private final ServerProcess server;
    private final String list;
    private @Nullable String next;

    Pages(ServerProcess server, String list) {
      this.server = server;
      this.list = list;
    }

    void ask() {
      String path = list + (list.contains("?") ? "&" : "?") + "limit=" + LIMIT;
      HttpResponse<String> page =
          answer(server, next == null ? path : path + "&after=" + encoded(next));
      next = json(page, 200).path("next").asString(null);
    }
  }
}
