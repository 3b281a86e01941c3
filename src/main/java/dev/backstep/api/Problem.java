package dev.backstep.api;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.net.URI;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.http.ProblemDetail;
import tools.jackson.databind.json.JsonMapper;

/** An answer that says what is wrong and what to do (RFC 9457). */
final class Problem extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private static final JsonMapper JSON = JsonMapper.builder().build();

  private final HttpStatus status;

  Problem(HttpStatus status, String text) {
    super(text);
    this.status = status;
  }

  static ProblemDetail detail(HttpStatus status, String text) {
    ProblemDetail problem = ProblemDetail.forStatusAndDetail(status, text);
    problem.setType(URI.create("about:blank"));
    problem.setTitle(status.getReasonPhrase());
    return problem;
  }

  ProblemDetail detail() {
    return detail(status, String.valueOf(getMessage()));
  }

  /** Writes a problem where no controller is reached. */
  static void write(HttpServletResponse response, HttpStatus status, String text)
      throws IOException {
    response.setStatus(status.value());
    response.setContentType(MediaType.APPLICATION_PROBLEM_JSON_VALUE);
    response.setCharacterEncoding("UTF-8");
    ProblemDetail problem = detail(status, text);
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("type", "about:blank");
    fields.put("title", String.valueOf(problem.getTitle()));
    fields.put("status", status.value());
    fields.put("detail", text);
    response.getWriter().write(JSON.writeValueAsString(fields));
  }
}
