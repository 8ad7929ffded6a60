//! The tables of the shared mathematics, one set an element type.
//!
//! `minimax.py` beside this file made the polynomials: weighted least squares over Chebyshev's nodes in 60 digits, then
//! rounded to the type one by one, the rest fitted again after each. The relative errors that it reports:
//!
//! | | `e^x` | `ln x` | `tanh x` near 0 | `σ(x)` near 0 | `Φ(−t)` |
//! |---|---|---|---|---|---|
//! | `f32` | 2⁻²⁸·⁰ | 2⁻³⁰·² | 2⁻²⁴·⁶ | 2⁻³¹·⁰ | 2⁻²⁷·³ |
//! | `f64` | 2⁻⁵⁷·⁷ | 2⁻⁵⁹·⁴ | 2⁻⁶⁰·⁵ | 2⁻⁶⁰·⁵ | 2⁻⁵⁵·² |
//!
//! The first part of ln 2 has few enough bits for every product with an exponent to be exact.

use super::exp::Exp;
use super::gaussian::Gaussian;
use super::log::Ln;
use crate::isa::Lanes;

/// What `e^x`, `ln x`, `tanh x` and the normal distribution need to know about an element type.
pub trait Coefficients: Sized + 'static {
    /// Of `e^x`.
    const EXP: Exp<Self>;
    /// Of `ln x`.
    const LN: Ln<Self>;
    /// `(tanh z − z) / z³` as a polynomial in `z²` for `|z| ≤ 0.55`, highest order first.
    const TANH: &'static [Self];
    /// `(2 tanh(z/2) − z) / z³` as a polynomial in `z²` for `|z| ≤ ½`, highest order first
    const TANH_OF_HALF: &'static [Self];
    /// Of the normal distribution.
    const GAUSSIAN: Gaussian<Self>;
    /// 0, 1, …, 15
    const COUNT: &'static [Self; 16];
}

/// Horner's scheme, highest order first.
#[inline(always)]
pub(super) fn polynomial<T: Copy + 'static, S: Lanes<T>>(simd: S, coefficients: &'static [T], x: S::V) -> S::V {
    let mut sum = simd.splat(coefficients[0]);
    for &c in &coefficients[1..] {
        sum = simd.mul_add(sum, x, simd.splat(c));
    }
    sum
}

/// Coefficients of `p(x)`, highest order first, to those of `4 p(2x)`.
macro_rules! of_twice {
    ($coefficients:expr) => {
        &const {
            let mut scaled = [0.0; $coefficients.len()];
            let (mut i, mut factor) = (scaled.len(), 4.0);
            while i > 0 {
                i -= 1;
                scaled[i] = factor * $coefficients[i];
                factor *= 2.0;
            }
            scaled
        }
    };
}

/// `(e^r − 1 − r) / r²`, highest order first
const EXP_TAIL_F32: &[f32] = &[1.374_255_7e-3, 8.368_807e-3, 4.166_967_8e-2, 1.666_652e-1, 4.999_998_8e-1];

impl Coefficients for f32 {
    const COUNT: &'static [Self; 16] =
        &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
    const EXP: Exp<Self> = Exp {
        log2_e: std::f32::consts::LOG2_E,
        ln2_high: 0.693_145_75,
        ln2_low: 1.428_606_8e-6,
        lowest: -104.0,
        tail: EXP_TAIL_F32,
        tail_of_twice: of_twice!(EXP_TAIL_F32),
        shifter: 12_582_912.0, // 1.5·2²³
        shifter_biased: crate::isa::bits::single::SHIFTER_BIASED,
    };
    const LN: Ln<Self> = Ln { rest: &[2.987_057_3e-1, 3.997_759e-1, 6.666_677_6e-1] };
    const TANH: &'static [Self] = &[1.640_956_5e-2, -5.265_481_8e-2, 1.332_040_7e-1, -3.333_293e-1];
    const TANH_OF_HALF: &'static [Self] = &[-8.007_832e-4, 8.326_594e-3, -8.333_301e-2];
    const GAUSSIAN: Gaussian<Self> = Gaussian {
        end: 15.0,
        coarse: 49_152.0, // 1.5·2^(23−8): eight bits behind the point are left
        k: 2.5,
        mills: &[
            -6.406_522e-5,
            -2.276_928_3e-4,
            2.332_323_7e-6,
            1.264_893_2e-3,
            1.282_888_2e-3,
            -6.048_068_4e-3,
            -8.699_492e-3,
            4.606_298e-2,
            -3.771_669_8e-2,
            -9.158_748_4e-2,
            4.946_596_6e-1,
        ],
    };
}

/// `(e^r − 1 − r) / r²`, highest order first
const EXP_TAIL_F64: &[f64] = &[
    2.501_630_322_601_043e-8,
    2.763_039_009_559_299e-7,
    2.755_753_229_622_168_6e-6,
    2.480_149_262_494_695e-5,
    1.984_126_957_113_025_3e-4,
    1.388_888_894_419_497_7e-3,
    8.333_333_333_462_142e-3,
    4.166_666_666_652_736e-2,
    1.666_666_666_666_647e-1,
    5.000_000_000_000_011e-1,
];

impl Coefficients for f64 {
    const COUNT: &'static [Self; 16] =
        &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
    const EXP: Exp<Self> = Exp {
        log2_e: std::f64::consts::LOG2_E,
        ln2_high: 0.693_147_180_485_539_1,
        ln2_low: 7.440_617_110_012_397e-11,
        lowest: -746.0,
        tail: EXP_TAIL_F64,
        tail_of_twice: of_twice!(EXP_TAIL_F64),
        shifter: 6_755_399_441_055_744.0, // 1.5·2⁵²
        shifter_biased: crate::isa::bits::double::SHIFTER_BIASED,
    };
    const LN: Ln<Self> = Ln {
        rest: &[
            1.479_736_350_587_642e-1,
            1.531_389_572_865_220_2e-1,
            1.818_357_105_743_284_9e-1,
            2.222_219_842_615_122_4e-1,
            2.857_142_874_406_189_4e-1,
            3.999_999_999_940_548_3e-1,
            6.666_666_666_666_736e-1,
        ],
    };
    const TANH: &'static [Self] = &[
        -1.948_222_353_056_102_2e-5,
        8.329_602_497_642_63e-5,
        -2.333_671_660_893_567_6e-4,
        5.884_387_766_262_006e-4,
        -1.455_541_449_593_189_8e-3,
        3.592_091_813_351_944_8e-3,
        -8.863_232_580_109_766e-3,
        2.186_948_838_458_437e-2,
        -5.396_825_396_371_866e-2,
        1.333_333_333_332_655_8e-1,
        -3.333_333_333_333_33e-1,
    ];
    const TANH_OF_HALF: &'static [Self] = &[
        -8.005_997_780_298_149e-8,
        8.733_225_598_453_437e-7,
        -8.654_694_497_861_628e-6,
        8.542_758_909_522_118e-5,
        -8.432_539_613_723_205e-4,
        8.333_333_333_099_376e-3,
        -8.333_333_333_333_041e-2,
    ];
    const GAUSSIAN: Gaussian<Self> = Gaussian {
        end: 39.0,
        coarse: 6_442_450_944.0, // 1.5·2^(52−20): twenty bits behind the point are left
        k: 6.0,
        mills: &[
            1.585_426_169_087_337_6e-9,
            2.987_994_344_401_901_6e-9,
            -1.565_265_059_429_775e-8,
            -2.016_968_490_111_795_3e-8,
            1.323_117_797_789_490_1e-7,
            -2.407_255_775_686_103_4e-10,
            -9.994_637_498_694_004e-7,
            1.783_672_999_128_673_4e-6,
            4.412_285_227_535_188e-6,
            -2.635_333_197_992_771e-5,
            3.779_496_605_165_192e-5,
            1.194_896_387_947_001_4e-4,
            -8.689_946_869_996_777e-4,
            2.935_655_520_739_426_5e-3,
            -7.059_819_416_651_647e-3,
            1.324_686_415_374_215e-2,
            -1.976_647_922_051_897_5e-2,
            2.259_246_706_279_608_2e-2,
            -1.614_151_733_215_972_4e-2,
            -4.373_386_779_593_474e-3,
            3.981_142_456_242_863e-2,
            -8.502_536_230_577_072e-2,
            4.534_552_002_711_279_6e-1,
        ],
    };
}
