#pragma once
/* The layout readers, one a file in this folder; layout.cpp puts them in order. */
#include "migration/layout.hpp"

namespace confiture::migration::readers {

extern const layout dbmate;
extern const layout diesel;
extern const layout flyway;
extern const layout golang_migrate;
extern const layout goose;
extern const layout graphile_migrate;
extern const layout plain;
extern const layout pop;
extern const layout prisma;
extern const layout refinery;
extern const layout sqitch;
extern const layout sqlx;

} // namespace confiture::migration::readers
