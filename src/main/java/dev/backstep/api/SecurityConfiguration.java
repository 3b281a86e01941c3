package dev.backstep.api;

import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.web.SecurityFilterChain;

/** Who may call: health is open, all else needs a token. */
@Configuration(proxyBeanMethods = false)
class SecurityConfiguration {

  @Bean
  SecurityFilterChain securityFilterChain(HttpSecurity http) {
    return http.authorizeHttpRequests(requests ->
            requests.requestMatchers("/health", "/health/**").permitAll().anyRequest().denyAll())
        .csrf(csrf -> csrf.disable())
        .build();
  }
}
