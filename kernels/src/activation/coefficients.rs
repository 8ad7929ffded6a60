//! The tables of the shared mathematics, one set an element type.
//!
//! `minimax.py` beside this file made the polynomials: weighted least squares over Chebyshev's nodes in 60 digits, then
//! rounded to the type one by one, the rest fitted again after each. The relative errors that it reports:
//!
//! | | `e^x` | `ln x` | `tanh x` near 0 | `σ(x)` near 0 | `Φ(−t)` |
//! |---|---|---|---|---|---|
//! | `f32` | 2⁻²⁸·⁰ | 2⁻³⁰·² | by pieces, 2⁻²⁵·⁴ | 2⁻³¹·⁰ | 2⁻²⁷·³ |
//! | `f64` | 2⁻⁵⁷·⁷ | 2⁻⁵⁹·⁴ | 2⁻⁶⁰·⁵ | 2⁻⁶⁰·⁵ | 2⁻⁵⁵·² |
//!
//! The first part of ln 2 has few enough bits for every product with an exponent to be exact.

use super::exp::Exp;
use super::gaussian::Gaussian;
use super::log::Ln;
use super::tanh::{Pieces, by_exponential, by_pieces};
use crate::isa::Lanes;

/// What `e^x`, `ln x`, `tanh x` and the normal distribution need to know about an element type.
pub trait Coefficients: Sized + 'static {
    /// Of `e^x`.
    const EXP: Exp<Self>;
    /// Of `ln x`.
    const LN: Ln<Self>;
    /// `(2 tanh(z/2) − z) / z³` as a polynomial in `z²` for `|z| ≤ ½`, highest order first
    const TANH_OF_HALF: &'static [Self];
    /// Of the normal distribution.
    const GAUSSIAN: Gaussian<Self>;
    /// 0, 1, …, 15
    const COUNT: &'static [Self; 16];

    /// `tanh z`, in the form that suits the type.
    fn tanh_of<S: Lanes<Self>>(simd: S, z: S::V) -> S::V;
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

/// `(e^r − 1 − r) / r²`, highest order first
const EXP_TAIL_F32: &[f32] = &[1.374_255_7e-3, 8.368_807e-3, 4.166_967_8e-2, 1.666_652e-1, 4.999_998_8e-1];

/// Centre, value and slopes of tanh's pieces, from 0 outwards
const TANH_F32: &Pieces = &Pieces::new(&[
    [0.0, 0.0, -4.088_456_7e-9, 1.196_793_7e-6, -3.333_909_5e-1, 9.302_851e-4, 1.281_372_6e-1],
    [2.343_740_2e-1, 2.301_747_8e-1, 9.470_196e-1, -2.179_791_5e-1, -2.655_048_7e-1, 1.332_292_3e-1, 7.938_8e-2],
    [3.906_242_8e-1, 3.718_983e-1, 8.616_916_5e-1, -3.204_604_4e-1, -1.680_488_7e-1, 1.687_239_7e-1, 1.200_723_7e-2],
    [5.468_75e-1, 4.981_744_3e-1, 7.518_223e-1, -3.745_397_6e-1, -6.405_308e-2, 1.566_326e-1, -3.593_419_5e-2],
    [9.374_976e-1, 7.340_704e-1, 4.611_402_5e-1, -3.385_287_5e-1, 9.445_072e-2, 4.071_748e-2, -6.292_146_4e-2],
    [1.249_998_3, 8.482_832e-1, 2.804_142_2e-1, -2.379_352_5e-1, 1.073_953_7e-1, -1.834_324_7e-2, -3.531_913e-2],
    [1.562_498_5, 9.158_243e-1, 1.612_651_3e-1, -1.477_228_6e-1, 8.105_530_6e-2, -2.814_444_2e-2, -7.495_687e-3],
    [1.874_977_8, 9.540_432_7e-1, 8.980_128e-2, -8.568_156e-2, 5.170_37e-2, -2.145_016_6e-2, 3.229_808_5e-3],
    [2.499_936_8, 9.866_126e-1, 2.659_717_6e-2, -2.620_239_7e-2, 1.729_921_6e-2, -7.145_611e-3, 4.201_548_6e-3],
    [3.124_786_9, 9.961_449e-1, 7.696_510_8e-3, -7.640_257e-3, 5.252_539_6e-3, -1.938_892_1e-3, 1.711_703_8e-3],
    [3.749_007_7, 9.988_922_5e-1, 2.214_671_8e-3, -2.203_169_5e-3, 1.532_750_4e-3, -5.451_103e-4, 5.367_056e-4],
    [4.374_646, 9.996_829e-1, 6.342_115e-4, -6.312_892_7e-4, 4.407_770_5e-4, -1.548_421_1e-4, 1.575_249_9e-4],
    [5.625_512, 9.999_74e-1, 5.255_483e-5, -4.573_583e-5, 5.610_716e-5, 1.372_224_6e-5, 2.533_091_5e-5],
    [6.872_579_6, 9.999_978_5e-1, 4.339_213e-6, -3.779_254_3e-6, 4.624_829_7e-6, 1.124_463_2e-6, 2.089_380_4e-6],
    [8.115_033, 9.999_998e-1, 3.614_843_8e-7, -3.160_676_8e-7, 3.821_879_2e-7, 9.018_953e-8, 1.728_195_5e-7],
    [9.25, 1.0, 3.656_081_4e-7, 1.600_550_3e-6, 3.356_303_5e-6, 2.956_454_9e-6, 9.701_353e-7],
]);

impl Coefficients for f32 {
    const COUNT: &'static [Self; 16] =
        &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
    const EXP: Exp<Self> = Exp {
        log2_e: std::f32::consts::LOG2_E,
        ln2_high: 0.693_145_75,
        ln2_low: 1.428_606_8e-6,
        lowest: -104.0,
        tail: EXP_TAIL_F32,
        shifter: 12_582_912.0, // 1.5·2²³
        shifter_biased: crate::isa::bits::single::SHIFTER_BIASED,
    };
    const LN: Ln<Self> = Ln { rest: &[2.987_057_3e-1, 3.997_759e-1, 6.666_677_6e-1] };
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

    #[inline(always)]
    fn tanh_of<S: Lanes<Self>>(simd: S, z: S::V) -> S::V {
        by_pieces(simd, TANH_F32, z)
    }
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

/// `(e^(2r) − 1 − 2r) / r²`: the tail of `2r` times 4, all of it exact
const EXP_TAIL_OF_TWICE: &[f64] = &{
    let mut scaled = [0.0; EXP_TAIL_F64.len()];
    let (mut i, mut factor) = (scaled.len(), 4.0);
    while i > 0 {
        i -= 1;
        scaled[i] = factor * EXP_TAIL_F64[i];
        factor *= 2.0;
    }
    scaled
};

/// `(tanh z − z) / z³` as a polynomial in `z²` for `|z| ≤ 0.55`, highest order first
const TANH_F64: &[f64] = &[
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

impl Coefficients for f64 {
    const COUNT: &'static [Self; 16] =
        &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0];
    const EXP: Exp<Self> = Exp {
        log2_e: std::f64::consts::LOG2_E,
        ln2_high: 0.693_147_180_485_539_1,
        ln2_low: 7.440_617_110_012_397e-11,
        lowest: -746.0,
        tail: EXP_TAIL_F64,
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

    #[inline(always)]
    fn tanh_of<S: Lanes<Self>>(simd: S, z: S::V) -> S::V {
        by_exponential(simd, EXP_TAIL_OF_TWICE, TANH_F64, z)
    }
}
