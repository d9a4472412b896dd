# SPDX-License-Identifier: MIT
# FindZooKeeper - ZooKeeper's C client, single-threaded.
#
# Neither Debian package brings a .pc or CMake file, so we look ourselves.
#
#	ZooKeeper::st          imported target; ZOO_HAVE_TLS and ZOO_HAVE_SASL
#	                       are defined (0 or 1) for who links it
#	ZooKeeper_VERSION      of the headers
#	ZooKeeper_HAVE_TLS     zookeeper_init_ssl is in the library
#	ZooKeeper_HAVE_SASL    zookeeper_init_sasl is in the library
#
# Set ZooKeeper_ROOT to look elsewhere first.
include(CheckLibraryExists)
include(CMakePushCheckState)
include(FindPackageHandleStandardArgs)

find_path(ZooKeeper_INCLUDE_DIR zookeeper/zookeeper.h)
find_library(ZooKeeper_ST_LIBRARY zookeeper_st)
mark_as_advanced(ZooKeeper_INCLUDE_DIR ZooKeeper_ST_LIBRARY)

set(_zoo_version_header
	"${ZooKeeper_INCLUDE_DIR}/zookeeper/zookeeper_version.h")
if(ZooKeeper_INCLUDE_DIR AND EXISTS "${_zoo_version_header}")
	file(STRINGS "${_zoo_version_header}" _zoo_line
		REGEX "define ZOO_VERSION +\"")
	string(REGEX REPLACE ".*\"([^\"]*)\".*" "\\1" ZooKeeper_VERSION
		"${_zoo_line}")
endif()

if(ZooKeeper_ST_LIBRARY)
	# A library built without TLS has the header's words, not the symbol.
	cmake_push_check_state(RESET)
	set(CMAKE_REQUIRED_LIBRARIES m)
	check_library_exists("${ZooKeeper_ST_LIBRARY}" zookeeper_init_ssl ""
		ZooKeeper_HAVE_TLS)
	check_library_exists("${ZooKeeper_ST_LIBRARY}" zookeeper_init_sasl ""
		ZooKeeper_HAVE_SASL)
	cmake_pop_check_state()
endif()

find_package_handle_standard_args(ZooKeeper
	REQUIRED_VARS ZooKeeper_ST_LIBRARY ZooKeeper_INCLUDE_DIR
	VERSION_VAR ZooKeeper_VERSION
	REASON_FAILURE_MESSAGE "on Debian: apt-get install libzookeeper-st-dev")

if(ZooKeeper_FOUND AND NOT TARGET ZooKeeper::st)
	add_library(ZooKeeper::st UNKNOWN IMPORTED)
	set_target_properties(ZooKeeper::st PROPERTIES
		IMPORTED_LOCATION "${ZooKeeper_ST_LIBRARY}"
		INTERFACE_INCLUDE_DIRECTORIES "${ZooKeeper_INCLUDE_DIR}"
		INTERFACE_COMPILE_DEFINITIONS
		"ZOO_HAVE_TLS=$<BOOL:${ZooKeeper_HAVE_TLS}>;ZOO_HAVE_SASL=$<BOOL:${ZooKeeper_HAVE_SASL}>")
endif()
