# How every folder of the project declares what it builds.
#
#   civicmesh_proto(NAME dispatch FILES a.proto b.proto [DEPS type])    -> target civicmesh_dispatch_proto
#   civicmesh_library(NAME x SRCS x.cc [DEPS a b] [PRIVATE c])          -> target x
#   civicmesh_service(NAME civicmesh-x SRCS main.cc [DEPS ...])         -> executable, in build/<preset>/bin
#   civicmesh_test(NAME x_test SRCS x_test.cc [DEPS ...] [LABEL unit] [BROKER])
#
# BROKER marks a test that needs the real broker, Redis or Envoy: tests/run starts them and hands their addresses over in
# the environment (CIVICMESH_TEST_BROKER, CIVICMESH_TEST_REDIS); without them such a test fails, it never skips.
find_package(PkgConfig REQUIRED)
find_package(Protobuf REQUIRED)
find_package(absl REQUIRED)
find_package(GTest REQUIRED)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++ protobuf)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_program(PROTOC protoc REQUIRED)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")  # Assertions stay on (DESIGN section 4), and a crash names its line.
add_compile_options(-fno-omit-frame-pointer)

if(CIVICMESH_SANITIZE)
  add_compile_options(-fsanitize=${CIVICMESH_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CIVICMESH_SANITIZE})
endif()
if(CIVICMESH_SANITIZE STREQUAL "thread")
  add_compile_options(-Wno-tsan)  # Abseil's flags use fences, which TSan does not follow.
  add_library(under_tsan OBJECT
    ${CMAKE_SOURCE_DIR}/tests/sanitize/absl_under_tsan.cc ${CMAKE_SOURCE_DIR}/tests/sanitize/c11_threads_under_tsan.cc)
  set(CIVICMESH_IN_EVERY_PROGRAM $<TARGET_OBJECTS:under_tsan>)
endif()

set(CIVICMESH_GEN ${CMAKE_BINARY_DIR}/gen)
set(CIVICMESH_PROTO_ROOT ${CMAKE_SOURCE_DIR}/proto)
set(CIVICMESH_GOOGLEAPIS ${CMAKE_SOURCE_DIR}/third_party/googleapis)
file(MAKE_DIRECTORY ${CIVICMESH_GEN})

function(civicmesh_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wno-missing-field-initializers -Werror -Werror=switch -Wnon-virtual-dtor -Wshadow=local)
endfunction()

# Generates and compiles FILES (paths below ROOT); a file whose name ends in _service.proto gets gRPC code too.
function(civicmesh_proto)
  cmake_parse_arguments(A "" "NAME;ROOT" "FILES;DEPS" ${ARGN})
  set(root)
  if(A_ROOT)
    set(root -I${A_ROOT})
  else()
    set(A_ROOT ${CIVICMESH_PROTO_ROOT})
  endif()
  set(sources)
  foreach(file ${A_FILES})
    string(REGEX REPLACE "\\.proto$" "" stem ${file})
    set(outputs ${CIVICMESH_GEN}/${stem}.pb.cc ${CIVICMESH_GEN}/${stem}.pb.h)
    set(extra)
    if(file MATCHES "_service\\.proto$")
      list(APPEND outputs ${CIVICMESH_GEN}/${stem}.grpc.pb.cc ${CIVICMESH_GEN}/${stem}.grpc.pb.h)
      set(extra --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} --grpc_out=${CIVICMESH_GEN})
    endif()
    add_custom_command(OUTPUT ${outputs}
      COMMAND ${PROTOC} -I${CIVICMESH_PROTO_ROOT} -I${CIVICMESH_GOOGLEAPIS} ${root} --cpp_out=${CIVICMESH_GEN} ${extra} ${A_ROOT}/${file}
      DEPENDS ${A_ROOT}/${file} VERBATIM)
    list(APPEND sources ${outputs})
  endforeach()
  set(target civicmesh_${A_NAME}_proto)
  add_library(${target} STATIC ${sources})
  target_include_directories(${target} SYSTEM PUBLIC ${CIVICMESH_GEN})
  target_link_libraries(${target} PUBLIC PkgConfig::GRPC)
  foreach(dep ${A_DEPS})
    target_link_libraries(${target} PUBLIC civicmesh_${dep}_proto)
  endforeach()
endfunction()

function(civicmesh_library)
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS;PRIVATE" ${ARGN})
  add_library(${A_NAME} STATIC ${A_SRCS})
  civicmesh_warnings(${A_NAME})
  target_include_directories(${A_NAME} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${A_NAME} PUBLIC ${A_DEPS} PRIVATE ${A_PRIVATE})
endfunction()

function(civicmesh_service)
  cmake_parse_arguments(A "" "NAME" "SRCS;DEPS" ${ARGN})
  add_executable(${A_NAME} ${A_SRCS} ${CIVICMESH_IN_EVERY_PROGRAM})
  civicmesh_warnings(${A_NAME})
  target_include_directories(${A_NAME} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS})
endfunction()

function(civicmesh_test)
  cmake_parse_arguments(A "BROKER" "NAME;LABEL;TIMEOUT" "SRCS;DEPS" ${ARGN})
  add_executable(${A_NAME} ${A_SRCS} ${CIVICMESH_IN_EVERY_PROGRAM})
  civicmesh_warnings(${A_NAME})
  target_include_directories(${A_NAME} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${A_NAME} PRIVATE ${A_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${A_NAME} COMMAND ${A_NAME})
  if(NOT A_LABEL)
    set(A_LABEL unit)
  endif()
  if(A_BROKER)
    set(A_LABEL broker)
  endif()
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 120)
  endif()
  if(CIVICMESH_SANITIZE)
    math(EXPR A_TIMEOUT "10 * ${A_TIMEOUT}")
  endif()
  set_tests_properties(${A_NAME} PROPERTIES LABELS ${A_LABEL} TIMEOUT ${A_TIMEOUT})
endfunction()

# Adds every direct subfolder that has a CMakeLists.txt.
macro(civicmesh_add_folders)
  file(GLOB children CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/*/CMakeLists.txt)
  foreach(child ${children})
    get_filename_component(folder ${child} DIRECTORY)
    add_subdirectory(${folder})
  endforeach()
endmacro()
