// The compiled half of Asio and Beast (see the *_SEPARATE_COMPILATION definitions).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
