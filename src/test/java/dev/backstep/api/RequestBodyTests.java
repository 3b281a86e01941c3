package dev.backstep.api;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.springframework.mock.web.MockHttpServletRequest;

class RequestBodyTests {

  @Test
  void whatIsWrittenOverIsToldBesideWhatIsRestored() throws Exception {
    MockHttpServletRequest request = new MockHttpServletRequest("POST", "/api/v1/restores");
    request.setContentType("application/json");
    request.setContent(
        "{\"backup_id\":\"backup-web-1\",\"onto_vm\":\"db\"}".getBytes(StandardCharsets.UTF_8));
    List<String> told = new ArrayList<>();
    RequestBody.onSubject(request, told::add);

    RequestBody.read(request, Set.of("backup_id", "onto_vm"));

    assertThat(told).containsExactly("backup-web-1 db");
  }
}
