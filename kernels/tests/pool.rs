//! A team as large as the pool that it is made in.

use deltarule_kernels::Team;

#[test]
fn a_team_of_the_pool_has_its_threads() {
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert_eq!(pool.install(Team::of_pool).threads(), threads);
    }
}
